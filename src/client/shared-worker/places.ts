import type { Request } from '../live/subscriber.js';

/** More operations than this are not remembered: the one that was shown longest ago is forgotten. */
const most = 1_000;

/**
 * How far one viewer was shown each operation, on whatever tab. A tab that begins there misses nothing that came while none was
 * open, and is shown nothing from before.
 */
export class Places {
  readonly #cursors = new Map<string, string>();

  /** The request, from where its operation has come; one that goes on from a place of its own, as it is. */
  from(place: string, request: Request): Request {
    const after = this.#cursors.get(place);
    if (after === undefined || request.extensions?.after != null) return request;
    return { ...request, extensions: { onGap: 'CONTINUE', ...request.extensions, after } };
  }

  /** The first of all has begun here. */
  begins(place: string, cursor: string): void {
    if (!this.#cursors.has(place)) this.shown(place, cursor);
  }

  shown(place: string, cursor: string): void {
    this.#cursors.delete(place);
    this.#cursors.set(place, cursor);
    if (this.#cursors.size <= most) return;
    const [oldest] = this.#cursors.keys();
    this.#cursors.delete(oldest as string);
  }
}

/** The name of an operation's place; null for one that says itself where it begins: it neither begins at one nor moves it. */
export function placeOf({ query, operationName, variables, extensions }: Request): string | null {
  if (extensions?.after != null || /@resume\b/.test(query)) return null;
  return JSON.stringify([query, operationName ?? null, variables ?? {}]);
}
