/** A socket, or something else to be written to that has sockets' words. */
export interface Sink {
  readonly writable: boolean;
  /** Bytes that wait, and bytes that were ever written, which include those. */
  readonly writableLength: number;
  readonly bytesWritten: number;
  /** `done` is called when this and all before it has left, or the sink is gone. */
  write(bytes: Uint8Array | string, done?: () => void): boolean;
}

/** The bytes of one frame or of several, made once for many sockets; where they name their receiver's operation there are holes. */
export interface Prepared {
  readonly bytes: Uint8Array;
  /** Offsets of the id, which is as long as each hole. */
  readonly holes: readonly number[];
}

/** Frames written in this turn of the event loop, in order; `next` leads to the same socket's next, 0 to none. */
const turn = { frames: [] as Prepared[], ids: [] as Uint8Array[], next: [] as number[], outlets: [] as SocketOutlet[] };

/** Flushes before the loop turns to any other socket: no frame waits for that, but all that came in one read leave in one write. */
function endTurn(): void {
  const { outlets } = turn;
  for (const outlet of outlets) outlet.flush();
  for (const list of Object.values(turn)) list.length = 0;
}

/** Whose outlet it is. */
export interface OutletOwner {
  /** While this says no, whatever is written is dropped. */
  isOpen(): boolean;
  /** Something waits in the socket after a write. */
  holds(): void;
}

/** The most bytes that wait for the end of a turn. */
const mostGathered = 65_536;

/** Heartbeats without a byte leaving that a backlog may take. */
const patience = 5;

/**
 * The way of prepared frames to a socket, past the library that speaks its protocol; and how much of the socket's output
 * still waits. One for all subscriptions of a socket: they wait for the same thing.
 *
 * A write costs the operating system 5 µs and more, whatever its length, and a copied frame a tenth of a microsecond: so
 * a turn's frames are copied into one buffer. Corked instead, each would cost as an object of its own until it is
 * written: at twenty frames a write twice as much in all.
 */
export class SocketOutlet {
  /** Places in the turn of this socket's first and last frame, each plus one; 0 when it has none. */
  #first = 0;
  #last = 0;
  #gathered = 0;
  /** What waited in the socket after the last write: to look anew for each event would fetch it from far memory. */
  #held = 0;
  #waiting: Promise<void> | null = null;
  #sent = -1;
  #beats = 0;
  #silent = false;

  constructor(
    private readonly socket: Sink,
    /** Bytes that may wait. */
    private readonly limit: number,
    private readonly owner: OutletOwner,
  ) {}

  /** Writes at the end of this turn of the event loop, in one piece with all else of this turn. */
  write(prepared: Prepared, id: Uint8Array): void {
    if (this.#silent) return;
    const { frames, ids, next, outlets } = turn;
    if (outlets.length === 0) process.nextTick(endTurn);
    ids.push(id);
    next.push(0);
    const place = frames.push(prepared);
    if (this.#first === 0) {
      this.#first = place;
      outlets.push(this);
    } else next[this.#last - 1] = place;
    this.#last = place;
    this.#gathered += prepared.bytes.length;
    if (this.#gathered >= mostGathered) this.flush();
  }

  /** From now on `write` drops what it is given. */
  silence(): void {
    this.#silent = true;
  }

  isSilent(): boolean {
    return this.#silent;
  }

  /** Lets another write to the socket, now: behind the frames that wait, which it would overtake. Not when it is closed. */
  aside(write: () => void): void {
    this.flush();
    if (!this.owner.isOpen()) return;
    write();
    this.#look();
  }

  /** Writes this turn's frames now. */
  flush(): void {
    if (this.#first === 0) return;
    const { socket } = this;
    if (this.owner.isOpen() && socket.writable) socket.write(this.#assembled());
    this.#look();
    this.#first = 0;
    this.#gathered = 0;
  }

  #look(): void {
    this.#held = this.socket.writableLength;
    // A socket that has closed keeps what waited, and its owner is off all lists by then.
    if (this.#held > 0 && this.owner.isOpen()) this.owner.holds();
  }

  #assembled(): Buffer {
    const { frames, ids, next } = turn;
    const out = Buffer.allocUnsafe(this.#gathered);
    let at = 0;
    for (let place = this.#first; place > 0; place = next[place - 1] as number) {
      const { bytes, holes } = frames[place - 1] as Prepared;
      const id = ids[place - 1] as Uint8Array;
      out.set(bytes, at);
      for (let i = 0; i < holes.length; i++) out.set(id, at + (holes[i] as number));
      at += bytes.length;
    }
    return out;
  }

  /** Null while no more than the limit waits in memory; else resolves when the socket has drained or is gone. */
  drained(): Promise<void> | null {
    const { socket, limit } = this;
    if (this.#waiting || this.#gathered + this.#held <= limit) return this.#waiting;
    this.flush();
    this.#held = socket.writableLength;
    if (!socket.writable || this.#held <= limit) return null;
    // Not by 'drain': a socket that holds less than Node's own mark, which may be above the limit, never emits it.
    this.#waiting = new Promise<void>((resolve) => {
      socket.write('', () => {
        this.#waiting = null;
        resolve();
      });
    });
    return this.#waiting;
  }

  /** Bytes that wait, here and in the socket. */
  waiting(): number {
    this.#held = this.socket.writableLength;
    return this.#gathered + this.#held;
  }

  /**
   * To be asked at every heartbeat: true when the peer has taken nothing of what waits for the last few of them, however
   * little that is. A peer that never reads is alive to TCP, for ever; and who is at the end of what they may have, and
   * leaves the last of it unread, would keep a place among the connections.
   */
  isStuck(): boolean {
    const before = this.#sent;
    this.#sent = this.socket.bytesWritten - this.socket.writableLength;
    this.#beats = this.waiting() > 0 && this.#sent === before ? this.#beats + 1 : 0;
    return this.#beats >= patience;
  }
}
