import type { Opened } from '../../graphql/engine.js';
import type { Viewer } from '../../graphql/viewer.js';
import type { Session } from '../websocket/wire.js';

/** Of each id of a socket, the one that was asked for last, while it is being opened. Most sockets open nothing. */
const latest = new WeakMap<Session, Map<string, symbol>>();

/** An operation of this id is being opened; whichever was so far is given up. */
function ask(session: Session, id: string): symbol {
  const asked = Symbol();
  latest.set(session, (latest.get(session) ?? new Map<string, symbol>()).set(id, asked));
  return asked;
}

/** True while nothing else was asked for under its id. */
const isAsked = (session: Session, id: string, asked: symbol): boolean => latest.get(session)?.get(id) === asked;

/** It is open, or will not be. */
function askNoMore(session: Session, id: string, asked: symbol): void {
  if (!isAsked(session, id, asked)) return;
  latest.get(session)?.delete(id);
  if (latest.get(session)?.size === 0) latest.delete(session);
}

/**
 * A renewal may come while an operation is being opened with the claims of before. From the turn in which they are found
 * to be today's it finds the operation among the live ones: a turn later, one might have come in between.
 *
 * So may a `complete`, and another operation under the same id, which the library could not tell from this one: it would
 * run both and end the one that came last, with its socket too, and the other went on for ever. So of what was given up
 * the library never hears again.
 */
export async function openFor(
  session: Session,
  id: string,
  open: (viewer: Viewer) => Promise<Opened>,
): Promise<Opened> {
  const asked = ask(session, id);
  for (;;) {
    const { viewer } = session;
    session.opening++;
    const opened = await open(viewer)
      .catch((error: unknown) => {
        askNoMore(session, id, asked);
        throw error;
      })
      .finally(() => session.opening--);
    const isLatest = isAsked(session, id, asked);
    if (isLatest && (viewer === session.viewer || opened.kind === 'result')) {
      askNoMore(session, id, asked);
      if (opened.kind === 'running') session.live.set(id, opened);
      return opened;
    }
    if (opened.kind === 'running') opened.close();
    if (!isLatest) return new Promise(() => {});
  }
}
