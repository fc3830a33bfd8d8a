import { randomUUID } from 'node:crypto';
import { Fault } from '../../event/faults.js';
import type { Viewer } from '../../graphql/viewer.js';
import type { Audit } from '../../observe/audit.js';
import { withToken } from '../identity/authenticate.js';
import type { Identity } from '../identity/identify.js';
import type { Replicas } from '../replicas/replicas.js';
import type { Renewed } from '../replicas/told.js';
import type { Connection } from './connection.js';
import { refusal, renew } from './renew.js';

/** Milliseconds in which the replica that holds a stream must have answered. */
const patience = 3_000;

const gone = () => new Fault('BAD_USER_INPUT', { why: 'no replica holds a stream of this id: it may have ended' });

/** The name of a stream, as `randomUUID` writes it. */
const streamId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Renewals of streams that may be held by any replica: for server-sent events, where a client cannot speak on the stream. */
export interface RenewalDesk {
  /**
   * Renews the token of a stream, whichever replica holds it, where `admit` lets the token's owner ask. A stream that no
   * replica holds is BAD_USER_INPUT. Throws Fault for a bad token, and what `admit` throws.
   */
  renew(stream: string, token: string, admit: (viewer: Viewer) => Promise<void>): Promise<Renewed>;
}

/** `named` are this replica's connections, by the name of their stream. */
export function renewalDesk(
  named: ReadonlyMap<string, Connection>,
  replicas: Replicas,
  { authenticate }: Pick<Identity, 'authenticate'>,
  audit: Audit,
): RenewalDesk {
  const asked = new Map<string, (answer: Renewed) => void>();

  replicas.hear((told) => {
    if (told.kind === 'renewed') return asked.get(told.request)?.(told.answer);
    if (told.kind !== 'renew') return;
    const connection = named.get(told.stream);
    if (!connection) return;
    const { request, token } = told;
    // The token is verified here again: a message is no proof of who somebody is.
    renew(connection, () => authenticate(withToken(token)), audit)
      .then((answer) => replicas.tell({ kind: 'renewed', request, answer }))
      // A failed answer is told by silence: whoever asked stops waiting after `patience`.
      .catch(() => undefined);
  });

  return {
    async renew(stream, token, admit) {
      // The token is verified before anything is told: strangers must not make every replica work.
      const viewer = await authenticate(withToken(token));
      await admit(viewer);
      const connection = named.get(stream);
      if (connection) return renew(connection, async () => viewer, audit);
      // A name that can be none is not passed on: 60 KB of anything would be every replica's to read.
      if (!streamId.test(stream)) return refusal(gone());
      const request = randomUUID();
      const answered = new Promise<Renewed | null>((resolve) => {
        const timer = setTimeout(() => resolve(null), patience);
        asked.set(request, (answer) => {
          clearTimeout(timer);
          resolve(answer);
        });
      });
      try {
        await replicas.tell({ kind: 'renew', request, stream, token });
        return (await answered) ?? refusal(gone());
      } finally {
        asked.delete(request);
      }
    },
  };
}
