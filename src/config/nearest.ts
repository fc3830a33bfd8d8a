import { distance } from '../schema/suggest.js';

/** The name a misspelt one most likely means, or null when none is near. */
export function nearest(name: string, names: readonly string[]): string | null {
  let best: string | null = null;
  let least = Math.max(2, Math.floor(name.length / 5)) + 1;
  for (const candidate of names) {
    const steps = distance(name, candidate);
    if (steps < least) [best, least] = [candidate, steps];
  }
  return best;
}
