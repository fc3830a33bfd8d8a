import type { Fault } from '../event/faults.js';
import type { Peer } from '../observe/audit.js';
import type { Observers } from '../observe/observers.js';

/** Tells of somebody who was refused before it was known who they are: to the audit log, and a limit to its metric. */
export function tellRefused({ metrics, audit }: Observers, peer: Peer, { code, details }: Fault): void {
  if (code === 'LIMIT_EXCEEDED') metrics.limited(String(details.limit));
  audit({ event: 'refused', claims: null, peer, code });
}
