import type { Opened } from '../../graphql/engine.js';
import type { Viewer } from '../../graphql/viewer.js';
import type { Admit } from '../limits/admission.js';
import type { Admittance } from '../limits/admittance.js';
import type { Connection } from './connection.js';

/** What asks for an operation, once it is found whose it is. */
type Open = (viewer: Viewer, admit: Admit) => Promise<Opened>;

/** Of each id of a connection, the request that came last, while it is being opened. Most connections open nothing. */
const latest = new WeakMap<Connection, Map<string, Admittance>>();

/** Notes that an operation of this id is being opened. An earlier one that still is, is given up by this. */
function ask(connection: Connection, id: string, admittance: Admittance): void {
  giveUp(connection, id);
  latest.set(connection, (latest.get(connection) ?? new Map<string, Admittance>()).set(id, admittance));
}

/** True while nobody gave it up, and nothing else was asked for under its id. */
const isAsked = (connection: Connection, id: string, admittance: Admittance): boolean =>
  latest.get(connection)?.get(id) === admittance;

/** Forgets a request that was opened or has failed, unless another has taken its id. */
function forget(connection: Connection, id: string, admittance: Admittance): void {
  if (!isAsked(connection, id, admittance)) return;
  latest.get(connection)?.delete(id);
  if (latest.get(connection)?.size === 0) latest.delete(connection);
}

/**
 * The client wants no operation of this id any more. One that waits for room takes none, and the room of one that runs is
 * free at once. One that was just opened would else run on for ever, where another takes its id before the library has it.
 */
export function giveUp(connection: Connection, id: string): void {
  const admittance = latest.get(connection)?.get(id);
  if (admittance) {
    forget(connection, id, admittance);
    admittance.giveUp();
  }
  const begun = connection.operations.get(id);
  if (!begun) return;
  begun.close();
  connection.left(id, begun);
}

/**
 * Opens an operation of a connection on which several may run, and begins it there. It may have to wait for room: so many bytes are
 * kept of it meanwhile.
 *
 * A renewal may come while an operation is being opened with the claims of before. From the turn in which they are found
 * to be today's it finds the operation among those that run: a turn later, one might have come in between.
 *
 * A `complete` may come meanwhile too, and another operation under the same id, which a protocol's library could not tell
 * from this one: it would run both and end the one that came last, and the other went on for ever. So of what was given
 * up the library never hears again: the promise stays open.
 */
export async function openFor(connection: Connection, id: string, bytes: number, open: Open): Promise<Opened> {
  const admittance = connection.place.admittance(bytes);
  ask(connection, id, admittance);
  const admit: Admit = (kind, roots) => {
    const admitted = admittance.admit(kind, roots);
    if (connection.place.waiting() > 0) connection.holds();
    return admitted;
  };
  for (;;) {
    const { viewer } = connection;
    const opened = await open(viewer, admit).catch((error: unknown) => {
      forget(connection, id, admittance);
      admittance.leave();
      throw error;
    });
    const isLatest = isAsked(connection, id, admittance);
    if (isLatest && (viewer === connection.viewer || opened.kind === 'result')) {
      forget(connection, id, admittance);
      if (opened.kind === 'running') connection.begin(id, opened, admittance);
      else admittance.leave();
      return opened;
    }
    if (opened.kind === 'running') opened.close();
    if (isLatest) continue;
    admittance.leave();
    return new Promise(() => {});
  }
}
