import { claimAt } from '../schema/claims.js';
import type { Claims } from '../schema/stream-schema.js';

/** Tokens that no longer count: those with all of these claims that were issued at or before this second. */
export interface Revocation {
  /** Name or dotted path, and value as text. A claim that is a list has every value in it. */
  readonly claims: Readonly<Record<string, string>>;
  /** Seconds since 1970, by the store's clock. */
  readonly at: number;
}

/** What is revoked now, found fast by what nearly every revocation names: `jti` or `sub`. */
export class RevocationList {
  readonly #byClaims = new Map<string, Revocation>();
  readonly #byAnchor = new Map<string, Set<Revocation>>();

  /** Of two for the same claims the later one counts. True when it says something new. */
  add(revocation: Revocation): boolean {
    const key = keyOf(revocation);
    const known = this.#byClaims.get(key);
    if (known && known.at >= revocation.at) return false;
    if (known) this.#drop(known);
    this.#byClaims.set(key, revocation);
    const anchor = anchorOf(revocation);
    const others = this.#byAnchor.get(anchor) ?? new Set();
    this.#byAnchor.set(anchor, others.add(revocation));
    return true;
  }

  /** Whoever signed in before this second has a token that is over by itself. */
  forgetBefore(second: number): void {
    for (const revocation of this.#byClaims.values()) if (revocation.at < second) this.#drop(revocation);
  }

  /** True when one of them takes in a token of these claims. Without a time of issue a token counts as old. */
  has(claims: Claims): boolean {
    const issued = typeof claims.iat === 'number' ? claims.iat : Number.NEGATIVE_INFINITY;
    for (const anchor of [`jti ${String(claims.jti)}`, `sub ${String(claims.sub)}`, '']) {
      for (const revocation of this.#byAnchor.get(anchor) ?? []) {
        if (Math.floor(issued) <= revocation.at && isMeant(revocation, claims)) return true;
      }
    }
    return false;
  }

  [Symbol.iterator](): IterableIterator<Revocation> {
    return this.#byClaims.values();
  }

  #drop(revocation: Revocation): void {
    const anchor = anchorOf(revocation);
    const others = this.#byAnchor.get(anchor);
    others?.delete(revocation);
    if (others?.size === 0) this.#byAnchor.delete(anchor);
    this.#byClaims.delete(keyOf(revocation));
  }
}

const keyOf = ({ claims }: Revocation) => JSON.stringify(Object.entries(claims).sort());

function anchorOf({ claims }: Revocation): string {
  for (const name of ['jti', 'sub']) if (Object.hasOwn(claims, name)) return `${name} ${claims[name]}`;
  return '';
}

const isMeant = ({ claims: named }: Revocation, claims: Claims): boolean =>
  Object.entries(named).every(([name, text]) => {
    const value = claimAt(claims, name);
    return Array.isArray(value) ? value.some((one) => isText(one, text)) : isText(value, text);
  });

const isText = (value: unknown, text: string): boolean =>
  (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') && String(value) === text;
