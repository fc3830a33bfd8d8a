import type { Opened } from '../../graphql/engine.js';
import type { Viewer } from '../../graphql/viewer.js';
import type { Connection } from './connection.js';

/** Of each id of a connection, the request that came last, while it is being opened. Most connections open nothing. */
const latest = new WeakMap<Connection, Map<string, symbol>>();

/** Notes that an operation of this id is being opened. An earlier one that still is, is given up by this. */
function ask(connection: Connection, id: string): symbol {
  const asked = Symbol();
  latest.set(connection, (latest.get(connection) ?? new Map<string, symbol>()).set(id, asked));
  return asked;
}

/** True while nothing else was asked for under its id. */
const isAsked = (connection: Connection, id: string, asked: symbol): boolean =>
  latest.get(connection)?.get(id) === asked;

/** Forgets a request that was opened or has failed, unless another has taken its id. */
function forget(connection: Connection, id: string, asked: symbol): void {
  if (!isAsked(connection, id, asked)) return;
  latest.get(connection)?.delete(id);
  if (latest.get(connection)?.size === 0) latest.delete(connection);
}

/**
 * Opens an operation of a connection on which several may run, and begins it there.
 *
 * A renewal may come while an operation is being opened with the claims of before. From the turn in which they are found
 * to be today's it finds the operation among those that run: a turn later, one might have come in between.
 *
 * A `complete` may come meanwhile too, and another operation under the same id, which a protocol's library could not tell
 * from this one: it would run both and end the one that came last, and the other went on for ever. So of what was given
 * up the library never hears again: the promise stays open.
 */
export async function openFor(
  connection: Connection,
  id: string,
  open: (viewer: Viewer) => Promise<Opened>,
): Promise<Opened> {
  const asked = ask(connection, id);
  for (;;) {
    const { viewer } = connection;
    connection.opening++;
    const opened = await open(viewer)
      .catch((error: unknown) => {
        forget(connection, id, asked);
        throw error;
      })
      .finally(() => connection.opening--);
    const isLatest = isAsked(connection, id, asked);
    if (isLatest && (viewer === connection.viewer || opened.kind === 'result')) {
      forget(connection, id, asked);
      if (opened.kind === 'running') connection.begin(id, opened);
      return opened;
    }
    if (opened.kind === 'running') opened.close();
    if (!isLatest) return new Promise(() => {});
  }
}
