import { Fault } from '../../event/faults.js';
import type { Renewal } from '../../graphql/running/renewal.js';
import type { Running } from '../../graphql/running/running.js';
import { personOf, type Viewer } from '../../graphql/viewer.js';
import type { Audit } from '../../observe/audit.js';
import type { Renewed } from '../replicas/told.js';
import type { Connection } from './connection.js';

/**
 * Renews a connection's token in place: `verify` says whose the new one is. Its operations go on where they are, under
 * the new claims. A refusal changes nothing: the connection lives on with its old token, as long as that one lives.
 */
export async function renew(connection: Connection, verify: () => Promise<Viewer>, audit: Audit): Promise<Renewed> {
  const renewed = await renewal(connection, verify);
  const { viewer, peer } = connection;
  audit({ event: 'renewed', claims: viewer.claims, peer, code: renewed.ok ? null : renewed.code });
  return renewed;
}

async function renewal(connection: Connection, verify: () => Promise<Viewer>): Promise<Renewed> {
  if (connection.renewing) return refusal(new Fault('UNAVAILABLE', { why: 'another renewal is under way' }));
  connection.renewing = true;
  try {
    const viewer = await verify();
    if (!isSame(viewer, connection.viewer)) {
      return refusal(new Fault('FORBIDDEN', { why: 'a token is renewed by one of the same `iss` and `sub`' }));
    }
    await renewAll(connection, viewer);
    const fault = connection.signIn(viewer);
    if (fault === null) return { ok: true };
    connection.expel(fault);
    return refusal(fault);
  } catch (error) {
    if (error instanceof Fault) return refusal(error);
    throw error;
  } finally {
    connection.renewing = false;
  }
}

/** Whether both are the same person. A token without `sub` belongs to nobody in particular, and is renewed by none. */
function isSame(one: Viewer, other: Viewer): boolean {
  const person = personOf(one);
  return person !== null && person === personOf(other);
}

export const refusal = ({ code, message }: Fault): Renewed => ({ ok: false, code, message });

/**
 * Puts all operations of a connection under another viewer's claims in one turn, or none of them: half renewed, a page
 * would show two truths. Throws Fault UNAVAILABLE, and then nothing has changed.
 */
export async function renewAll(connection: Pick<Connection, 'viewer' | 'operations'>, viewer: Viewer): Promise<void> {
  const renewals = new Map<Running, Renewal>();
  try {
    // Operations that begin while another is waited for have the old claims too.
    for (let fresh = [...connection.operations.values()]; fresh.length > 0; ) {
      const outcomes = await Promise.allSettled(fresh.map((operation) => operation.renew(viewer)));
      for (const [at, outcome] of outcomes.entries()) {
        if (outcome.status === 'fulfilled') renewals.set(fresh[at] as Running, outcome.value);
      }
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed) throw failed.reason;
      fresh = [...connection.operations.values()].filter((operation) => !renewals.has(operation));
    }
  } catch (error) {
    for (const renewal of renewals.values()) renewal.abandon();
    throw error;
  }
  connection.viewer = viewer;
  for (const renewal of renewals.values()) renewal.commit();
}
