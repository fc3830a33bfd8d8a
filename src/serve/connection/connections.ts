import type { Viewer } from '../../graphql/viewer.js';
import type { Observers } from '../../observe/observers.js';
import type { Identity } from '../identity/identify.js';
import { revoked } from '../identity/revocation.js';
import type { Place } from '../limits/admission.js';
import { inTurns } from '../limits/in-turns.js';
import { type ConnectedPeer, Connection, type Shared } from './connection.js';
import { Heartbeats } from './heartbeats.js';
import { boundBuffers } from './process-buffer.js';
import { type Door, retire } from './retire.js';
import type { Wire } from './wire.js';

export interface ConnectionsParts {
  readonly identity: Pick<Identity, 'isRevoked'>;
  /** Milliseconds between two heartbeats of a connection. */
  readonly heartbeat: number;
  /** Bytes that may wait in all connections together. */
  readonly processBuffer: number;
  readonly observers: Observers;
}

/** All connections of a replica, whatever their transports. */
export class Connections {
  readonly #parts: ConnectionsParts;
  readonly #shared: Shared;
  /** Connections whose token was revoked, and which are not closed yet. */
  readonly #leaving = new WeakSet<Connection>();
  readonly #expelInTurn = inTurns((connection: Connection) => this.#expel(connection));
  readonly #unbound: () => void;

  constructor(parts: ConnectionsParts) {
    const { identity, heartbeat, processBuffer, observers } = parts;
    const { metrics } = observers;
    const holding = new Set<Connection>();
    const heartbeats = new Heartbeats(heartbeat);
    this.#parts = parts;
    this.#shared = { all: new Set(), holding, named: new Map(), heartbeats, identity, metrics };
    this.#unbound = boundBuffers({ holding, processBuffer, observers });
  }

  /** Connections whose token is renewed from aside, by the name of their stream. */
  get named(): ReadonlyMap<string, Connection> {
    return this.#shared.named;
  }

  /**
   * A client has come. Its connection has `place` until the wire tells that it has closed; `viewer` is `nobody` where it signs in
   * later. One whose token was revoked meanwhile is expelled before this returns.
   */
  attach<W extends Wire>(place: Place, peer: ConnectedPeer, viewer: Viewer, wireOf: (its: Connection) => W): W {
    const connection = new Connection(place, peer, this.#shared);
    const wire = wireOf(connection);
    connection.attach(wire, viewer);
    return wire;
  }

  /**
   * Ends the connections whose token counts no more. A tenant that is revoked has thousands of sockets, and to close those takes
   * seconds: first none is shown anything more.
   */
  expelRevoked(): void {
    for (const connection of this.#shared.all) {
      if (this.#leaving.has(connection) || !this.#parts.identity.isRevoked(connection.viewer)) continue;
      this.#leaving.add(connection);
      connection.silence();
      this.#expelInTurn(connection);
    }
  }

  /** Ends each connection at a moment of its own within `period` ms (`retire.ts`). */
  retire(period: number, door: Door): Promise<void> {
    return retire(this.#shared.all, period, Math.random, door);
  }

  /** To be called when all connections are gone. */
  close(): void {
    this.#unbound();
    this.#shared.heartbeats.close();
  }

  #expel(connection: Connection): void {
    if (!this.#shared.all.has(connection)) return;
    connection.expel(revoked());
    this.#parts.observers.audit({ event: 'expelled', claims: connection.viewer.claims, peer: connection.peer });
  }
}
