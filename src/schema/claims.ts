import { parsePath } from './path.js';
import type { Claims } from './stream-schema.js';

/** Where tokens say their scopes: OAuth's own claim (words), and what others write (a list, or words). */
export const usualScopeClaims: readonly string[] = ['scope', 'scopes', 'scp'];

/** The claim of this very name, which may hold dots as a URL does; else the value at the end of the path. */
export function claimAt(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  return parsePath(name)?.reduce<unknown>(
    (value, step) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, step)
        ? (value as Record<string | number, unknown>)[step]
        : undefined,
    claims,
  );
}

/** With brackets in it, it is a path or nothing. */
export const isClaimName = (name: string): boolean => parsePath(name) !== null || !/[[\]]/.test(name);

/** The scopes that all of the named claims say, as words of a text or as a list. */
export function scopesIn(claims: Claims, names: readonly string[]): ReadonlySet<string> {
  const words = names.flatMap((name): readonly unknown[] => {
    const value = claimAt(claims, name);
    if (typeof value === 'string') return value.split(' ');
    return Array.isArray(value) ? value : [];
  });
  return new Set(words.filter((word): word is string => typeof word === 'string' && word !== ''));
}
