import type { Fault } from '../../event/faults.js';
import type { Running } from '../../graphql/running/running.js';
import { nobody, type Viewer } from '../../graphql/viewer.js';
import type { Peer } from '../../observe/audit.js';
import type { GatewayMetrics } from '../../observe/metrics.js';
import type { ConnectionTransport } from '../../observe/transport.js';
import { type Expiring, Expiry, expired } from '../identity/expiry.js';
import type { Identity } from '../identity/identify.js';
import { revoked } from '../identity/revocation.js';
import type { Place } from '../limits/admission.js';
import type { Admittance } from '../limits/admittance.js';
import type { Beating, Heartbeats } from './heartbeats.js';
import type { LastWord, Wire } from './wire.js';

/** Where a connection comes from, and the name that it has in the audit log and for renewals. */
export interface ConnectedPeer extends Peer {
  readonly transport: ConnectionTransport;
  readonly stream: string;
}

/** What the connections of a replica share. */
export interface Shared {
  readonly all: Set<Connection>;
  /** Connections for which something waits (`ProcessBuffer`). */
  readonly holding: Set<Connection>;
  /** Connections that are renewed from aside, by the name of their stream. */
  readonly named: Map<string, Connection>;
  readonly heartbeats: Heartbeats;
  readonly identity: Pick<Identity, 'isRevoked'>;
  readonly metrics: Pick<GatewayMetrics, 'connected'>;
}

/**
 * One client from when its wire is attached until that has closed: whose it is and for how long, what runs on it, and
 * that it is alive. A class and not closures, because there are tens of thousands of them and most are idle: each closure
 * would be 60 bytes of each.
 */
export class Connection implements Beating, Expiring {
  /** Whose connection it is now: `nobody` before anybody signed in. Whatever runs on it was opened, or renewed, for this one. */
  viewer: Viewer = nobody;
  /** True while a renewal is under way. */
  renewing = false;
  /** Operations by their client's own id, from the moment each was opened: a renewal must reach also those not started yet. */
  readonly operations = new Map<string, Running>();
  #wire!: Wire;
  #slot = 0;
  #expiry: Expiry | null = null;
  #isAlive = true;
  #isOver = false;

  constructor(
    readonly place: Place,
    readonly peer: ConnectedPeer,
    private readonly shared: Shared,
  ) {}

  /** To be called once, before all else. A viewer that was revoked since it was verified is expelled at once. */
  attach(wire: Wire, viewer: Viewer): void {
    const { all, named, heartbeats, metrics } = this.shared;
    this.#wire = wire;
    all.add(this);
    if (wire.isOneWay) named.set(this.peer.stream, this);
    this.#slot = heartbeats.add(this);
    metrics.connected(this.peer.transport, 1);
    const fault = this.signIn(viewer);
    if (fault) this.expel(fault);
  }

  /** From here on the connection is this viewer's, and ends with the token. Null, or why that token counts no more. */
  signIn(viewer: Viewer): Fault | null {
    this.viewer = viewer;
    // A revocation finds it from here on. One that came between the token's verification and this line, or while operations
    // were waited for that are renewed, has not.
    if (this.shared.identity.isRevoked(viewer)) return revoked();
    this.#expires(viewer.expiresAt);
    return null;
  }

  /** Sets when the token ends, and the connection with it: milliseconds since 1970; null: never. */
  #expires(at: number | null): void {
    // A renewal may outlast its connection: a watch begun now would hold it, and all it has, until the token's end.
    if (this.#isOver || (at === null && !this.#expiry)) return;
    this.#expiry ??= new Expiry(this);
    this.#expiry.set(at);
  }

  /**
   * Puts an opened operation among those that run, with the room that it has by its admittance. An operation that comes when the
   * connection is over is closed.
   */
  begin(id: string, operation: Running, admittance: Admittance | null = null): void {
    if (this.#isOver) {
      operation.close();
      return;
    }
    if (admittance) this.place.began(admittance);
    this.operations.set(id, operation);
  }

  /** Takes an operation that has ended off the list. Its id may be in use again already. */
  left(id: string, operation: Running): void {
    if (this.operations.get(id) !== operation) return;
    this.operations.delete(id);
    this.place.ended();
  }

  /** The client has given a sign of life. */
  heard(): void {
    this.#isAlive = true;
  }

  /** Something waits: in the wire after a write, or for room. */
  holds(): void {
    this.shared.holding.add(this);
  }

  /** Bytes that wait in the wire, and of operations that wait for room. */
  waiting(): number {
    return this.#wire.waiting() + this.place.waiting();
  }

  /** A period has passed: who gives no sign of life is cut off, all others are told where their operations are. */
  beat(): void {
    const wire = this.#wire;
    const isStuck = wire.isStuck();
    // A full wire has no room for a heartbeat, and the answer to the one before may be late, for that stands behind all that is
    // still to be read: as long as the wire drains, someone reads.
    if (!isStuck && wire.drained()) {
      this.#isAlive = true;
      return;
    }
    // A client that is not read may have answered long ago, and when it is read again what lies before that comes first.
    const isUnheard = wire.isOneWay || wire.isPaused();
    if (isStuck || !(this.#isAlive || isUnheard)) {
      this.terminate();
      return;
    }
    this.#isAlive = isUnheard;
    wire.beat(this.operations);
  }

  /** Shows the client nothing more: its token counts no more, and its end is to come. */
  silence(): void {
    this.#wire.silence();
  }

  /** Ends the connection with this as its last word: its token counts no more. */
  expel(fault: Fault): void {
    this.#dismiss({ kind: 'expelled', fault });
  }

  /** The token's time is over. */
  expire(): void {
    this.expel(expired());
  }

  /** Ends the connection for now: its client is to come back, and loses nothing. */
  turnAway(why: string): void {
    this.#dismiss({ kind: 'turned away', why });
  }

  /** Ends the connection because the replica retires: what was written before goes out first. Idempotent. */
  retire(): void {
    this.#dismiss({ kind: 'retired' });
  }

  /** Ends the connection now. */
  terminate(): void {
    this.#wire.terminate();
  }

  /** Closes all operations, and whichever comes from now on. Idempotent. */
  stop(): void {
    this.#isOver = true;
    for (const operation of this.operations.values()) operation.close();
    this.operations.clear();
    this.place.clear();
  }

  /** The client is gone, whoever ended it: the connection leaves every list it is on. Idempotent. */
  closed(): void {
    const { all, holding, named, heartbeats, metrics } = this.shared;
    if (!all.delete(this)) return;
    holding.delete(this);
    named.delete(this.peer.stream);
    heartbeats.remove(this, this.#slot);
    metrics.connected(this.peer.transport, -1);
    this.#expiry?.clear();
    this.stop();
    this.place.leave();
  }

  #dismiss(last: LastWord): void {
    this.stop();
    this.#wire.dismiss(last);
  }
}
