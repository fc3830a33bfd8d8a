import type { Socket } from 'node:net';
import { type Backlog, backlogOf } from './backlog.js';

/** The bytes of one frame, made once for many sockets; where it names its receiver's operation there is a hole. */
export interface Prepared {
  readonly bytes: Uint8Array;
  /** Where the id goes, which is as long as the hole. */
  readonly hole: number;
}

/** The way of prepared frames to a socket, past the library that speaks its protocol. */
export interface SocketOutlet extends Backlog {
  /** Writes at the end of this turn of the event loop, in one piece with all else of this turn. */
  write(prepared: Prepared, id: Uint8Array): void;
  /** Writes what waits, now. To be called before anything else is written to the socket, or it would overtake. */
  flush(): void;
}

/** The most bytes that wait for the end of a turn. */
const mostGathered = 65_536;

const unwritten: SocketOutlet[] = [];

/** Before the loop turns to any other socket, so that nothing waits for it; but what it has read at once goes on at once. */
function endTurn(): void {
  for (const outlet of unwritten.splice(0)) outlet.flush();
}

/**
 * A write costs the operating system 5 µs and more, whatever its length, and a copied frame a tenth of a microsecond: so
 * a turn's frames are copied into one buffer. Corked instead, each would cost as an object of its own until it is
 * written: at twenty frames a write twice as much in all.
 *
 * Whatever comes when `isOpen` says no is dropped. `limit` in bytes.
 */
export function outletOf(socket: Socket, limit: number, isOpen: () => boolean): SocketOutlet {
  const backlog = backlogOf(socket, limit);
  let frames: Prepared[] = [];
  let ids: Uint8Array[] = [];
  let gathered = 0;

  const outlet: SocketOutlet = {
    write(prepared, id) {
      if (frames.length === 0) {
        if (unwritten.length === 0) process.nextTick(endTurn);
        unwritten.push(outlet);
      }
      frames.push(prepared);
      ids.push(id);
      gathered += prepared.bytes.length;
      if (gathered >= mostGathered) outlet.flush();
    },
    flush() {
      if (frames.length === 0) return;
      const bytes = isOpen() ? assembled(frames, ids, gathered) : null;
      frames = [];
      ids = [];
      gathered = 0;
      if (bytes && socket.writable) socket.write(bytes);
    },
    drained() {
      // What waits here is no different to who waits for room.
      if (gathered > 0 && gathered + socket.writableLength > limit) outlet.flush();
      return backlog.drained();
    },
    isStuck: backlog.isStuck,
  };
  return outlet;
}

function assembled(frames: readonly Prepared[], ids: readonly Uint8Array[], length: number): Buffer {
  const out = Buffer.allocUnsafe(length);
  let at = 0;
  for (let n = 0; n < frames.length; n++) {
    const { bytes, hole } = frames[n] as Prepared;
    out.set(bytes, at);
    out.set(ids[n] as Uint8Array, at + hole);
    at += bytes.length;
  }
  return out;
}
