import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** One connection through the balancer: who connected, and the server behind. */
interface Wire {
  readonly near: Socket;
  readonly far: Socket;
  /** The two sides know nothing of each other any more; only a cut ends both. */
  parted: boolean;
}

export interface Balancer extends AsyncDisposable {
  readonly port: number;
  /** Connections that are open now. */
  connections(): number;
  /** Bytes that have come from the clients over the connections that are open now. */
  said(): number;
  /** Cuts every connection without a word. */
  cut(): void;
  /**
   * From now on nothing passes over the connections that are open: not a byte, and no close either, as when a cable is
   * pulled. Later ones are served. `cut` ends them. With `seen`, only the one that its server sees come from that port.
   */
  stall(seen?: number): void;
  /**
   * Closes the connections that are open on one side only; the other side is left with one that looks healthy, where
   * nobody is. `cut` ends them.
   */
  halfOpen(left: 'near' | 'far'): void;
  /** Bytes from the servers are dropped and requests still pass, until the next `cut`. Answers get lost so. */
  mute(): void;
  /** Cuts, and refuses new connections until `open`. */
  refuse(): void;
  open(): void;
}

/**
 * A TCP balancer in front of several ports: each connection goes to the next one that takes it, none are tried twice.
 * `turn` says with which of them it begins.
 */
export async function balancer(ports: readonly number[], turn = 0): Promise<Balancer> {
  const wires = new Set<Wire>();
  let next = turn;
  let refusing = false;
  const server = createServer((near) => {
    near.on('error', () => near.destroy());
    if (refusing) near.resetAndDestroy();
    else attempt(near, ports.length);
  });

  function attempt(near: Socket, left: number) {
    const far = connect(ports[next++ % ports.length] as number, '127.0.0.1');
    let wire: Wire | null = null;
    far.once('connect', () => {
      const made: Wire = { near, far, parted: false };
      wire = made;
      wires.add(made);
      if (near.destroyed || refusing) return end(made);
      near.pipe(far).pipe(near);
      for (const socket of [near, far]) socket.once('close', () => made.parted || end(made));
    });
    far.on('error', () => {
      far.destroy();
      if (wire) return;
      if (left > 1) attempt(near, left - 1);
      else near.destroy();
    });
  }

  function end(wire: Wire) {
    if (!wires.delete(wire)) return;
    wire.near.destroy();
    wire.far.destroy();
  }

  function part(wire: Wire) {
    wire.parted = true;
    wire.near.unpipe(wire.far).pause();
    wire.far.unpipe(wire.near).pause();
  }

  const cut = () => {
    for (const wire of wires) end(wire);
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => wires.size,
    said: () => [...wires].reduce((sum, { near }) => sum + near.bytesRead, 0),
    cut,
    stall(seen) {
      for (const wire of wires) if (seen === undefined || wire.far.localPort === seen) part(wire);
    },
    halfOpen(left) {
      for (const wire of wires) {
        part(wire);
        wire[left === 'near' ? 'far' : 'near'].destroy();
      }
    },
    mute() {
      for (const { near, far } of wires) far.unpipe(near).resume();
    },
    refuse() {
      refusing = true;
      cut();
    },
    open() {
      refusing = false;
    },
    async [Symbol.asyncDispose]() {
      refusing = true;
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
