import { Fault } from '../../event/faults.js';
import { type Connected, renewAll } from '../../graphql/running/renewal.js';
import { personOf, type Viewer } from '../../graphql/viewer.js';
import type { Audit, Peer } from '../../observe/audit.js';
import type { Identity } from '../identity/identify.js';
import { revoked } from '../identity/revocations.js';

/** A connection whose token can be renewed while it runs. */
export interface Holder extends Connected {
  /** True while a renewal is under way. */
  renewing: boolean;
  readonly peer: Peer;
  /** It ends at this moment, milliseconds since 1970; null: it need not. */
  expires(at: number | null): void;
  /** Ends it with this as its last word. */
  expel(fault: Fault): void;
}

export interface RenewParts {
  readonly identity: Pick<Identity, 'isRevoked'>;
  readonly audit: Audit;
}

/** What whoever asked for a renewal is told, on every transport. */
export type Renewed = { readonly ok: true } | { readonly ok: false; readonly code: string; readonly message: string };

/**
 * Renews a connection's token in place: `verify` says whose the new one is. Its operations go on where they are, under
 * the new claims. A refusal changes nothing: the connection lives on with its old token, as long as that one lives.
 */
export async function renew(
  holder: Holder,
  verify: () => Promise<Viewer>,
  { identity, audit }: RenewParts,
): Promise<Renewed> {
  const renewed = await renewal(holder, verify, identity);
  const { viewer, peer } = holder;
  audit({ event: 'renewed', claims: viewer.claims, peer, code: renewed.ok ? null : renewed.code });
  return renewed;
}

async function renewal(
  holder: Holder,
  verify: () => Promise<Viewer>,
  { isRevoked }: RenewParts['identity'],
): Promise<Renewed> {
  if (holder.renewing) return refusal(new Fault('UNAVAILABLE', { why: 'another renewal is under way' }));
  holder.renewing = true;
  try {
    const viewer = await verify();
    if (!isSame(viewer, holder.viewer)) {
      return refusal(new Fault('FORBIDDEN', { why: 'a token is renewed by one of the same `iss` and `sub`' }));
    }
    await renewAll(holder, viewer);
    holder.expires(viewer.expiresAt);
    // Since it was verified, while its operations were waited for: whoever was ended then had the old token still.
    if (isRevoked(viewer)) {
      holder.expel(revoked());
      return refusal(revoked());
    }
    return { ok: true };
  } catch (error) {
    if (error instanceof Fault) return refusal(error);
    throw error;
  } finally {
    holder.renewing = false;
  }
}

/** Who a token without `sub` belongs to nobody can say. */
function isSame(one: Viewer, other: Viewer): boolean {
  const person = personOf(one);
  return person !== null && person === personOf(other);
}

export const refusal = ({ code, message }: Fault): Renewed => ({ ok: false, code, message });
