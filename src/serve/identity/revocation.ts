import { Fault } from '../../event/faults.js';
import { claimAt } from '../../schema/claims.js';
import type { Claims } from '../../schema/stream-schema.js';
import { issuedAt } from './issued.js';

/**
 * Tokens that no longer count: those with all of these claims that were issued at or before this second, or so soon after
 * it that clocks cannot tell.
 */
export interface Revocation {
  /** Claims by name or dotted path, each value as text. A claim that is a list has every value in it. */
  readonly claims: Readonly<Record<string, string>>;
  /** Seconds since 1970. */
  readonly at: number;
}

/** One fault for all whom it ends: an error with a stack of its own costs as much as a close frame. */
const itWasRevoked = new Fault('UNAUTHENTICATED', { why: 'the token was revoked' });
export const revoked = () => itWasRevoked;

/** What is revoked now. However many there are, of a token's claims only those are looked at that one of them may name. */
export class RevocationList {
  readonly #byClaims = new Map<string, Revocation>();
  /** Revocations by the name of one of their claims, and its value: each login that is ended by its own claim is one more. */
  readonly #byAnchor = new Map<string, Map<string, Set<Revocation>>>();

  /** Adds one; of two for the same claims the later counts. True when it says something new. */
  add(revocation: Revocation): boolean {
    const key = keyOf(revocation);
    const known = this.#byClaims.get(key);
    if (known && known.at >= revocation.at) return false;
    if (known) this.#drop(known);
    this.#byClaims.set(key, revocation);
    const [name, text] = anchorOf(revocation);
    const byText = this.#byAnchor.get(name) ?? new Map<string, Set<Revocation>>();
    const others = byText.get(text) ?? new Set();
    this.#byAnchor.set(name, byText.set(text, others.add(revocation)));
    return true;
  }

  /** Drops revocations of before this second: whoever signed in by then has a token that is over by itself. */
  forgetBefore(second: number): void {
    for (const revocation of this.#byClaims.values()) if (revocation.at < second) this.#drop(revocation);
  }

  /**
   * True when one of them takes in a token of these claims, also where that was issued up to `leeway` ms after it: whoever
   * signed it may have a fast clock. Without a time of issue a token counts as old.
   */
  has(claims: Claims, leeway = 0): boolean {
    const told = issuedAt(claims);
    const issued = told !== null && Number.isFinite(told) ? told : Number.NEGATIVE_INFINITY;
    for (const [name, byText] of this.#byAnchor) {
      for (const text of textsOf(claims, name)) {
        for (const revocation of byText.get(text) ?? []) {
          // A revocation was made at any moment of its second.
          if (issued < (revocation.at + 1) * 1_000 + leeway && isMeant(revocation, claims)) return true;
        }
      }
    }
    return false;
  }

  [Symbol.iterator](): IterableIterator<Revocation> {
    return this.#byClaims.values();
  }

  #drop(revocation: Revocation): void {
    const [name, text] = anchorOf(revocation);
    const byText = this.#byAnchor.get(name);
    const others = byText?.get(text);
    others?.delete(revocation);
    if (others?.size === 0) byText?.delete(text);
    if (byText?.size === 0) this.#byAnchor.delete(name);
    this.#byClaims.delete(keyOf(revocation));
  }
}

const keyOf = ({ claims }: Revocation) => JSON.stringify(Object.entries(claims).sort());

/** The claim by which a revocation is found: one that hardly two tokens share, where it names such a one. */
function anchorOf({ claims }: Revocation): readonly [string, string] {
  const names = Object.keys(claims);
  const name = ['jti', 'sub'].find((one) => names.includes(one)) ?? names[0] ?? '';
  return [name, claims[name] ?? ''];
}

const isMeant = ({ claims: named }: Revocation, claims: Claims): boolean =>
  Object.entries(named).every(([name, text]) => textsOf(claims, name).includes(text));

/** A claim's values as a revocation writes them. An object has none, and must not be made a text: it may say how itself. */
function textsOf(claims: Claims, name: string): readonly string[] {
  const value = claimAt(claims, name);
  return (Array.isArray(value) ? value : [value])
    .filter((one) => ['string', 'number', 'bigint', 'boolean'].includes(typeof one))
    .map(String);
}
