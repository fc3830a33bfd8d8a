import { Fault } from '../../event/faults.js';
import type { Claims } from '../../schema/stream-schema.js';

/** Milliseconds by which the clocks of who signs, who revokes and who verifies may differ. */
export const defaultLeeway = 5_000;

/** Milliseconds since 1970 at which a token was issued; null when it does not say so in a number. */
export function issuedAt({ iat }: Claims): number | null {
  return typeof iat === 'number' || typeof iat === 'bigint' ? Number(iat) * 1_000 : null;
}

/** The largest `iat` that is taken for seconds, in the year 5138: whatever is later was counted in milliseconds, or in less. */
const noSeconds = 1e11;

/**
 * Throws Fault UNAUTHENTICATED for a token of the future: no revocation would reach it before its time, and one whose
 * `iat` is in milliseconds never.
 */
export function refuseFuture(claims: Claims, leeway: number, now = Date.now()): void {
  const issued = issuedAt(claims);
  if (issued === null || issued <= now + leeway) return;
  const why =
    issued / 1_000 > noSeconds
      ? `${claims.iat} is not in seconds`
      : `is ${Math.ceil((issued - now) / 1_000)} s ahead, at most ${leeway / 1_000} s are let pass`;
  throw new Fault('UNAUTHENTICATED', { why: `the token was issued in the future: iat ${why}` });
}
