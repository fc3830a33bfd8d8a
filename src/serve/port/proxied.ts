import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from '../../observe/logger.js';
import type { GatewayMetrics } from '../../observe/metrics.js';
import { keyOf } from './half-open.js';
import { within } from './networks.js';
import { readProxyHeader } from './proxy-protocol.js';

export interface ProxiedParts {
  /** Peers that may say who connects, as networks; from any other nothing is taken. */
  readonly from: readonly string[];
  /** Milliseconds in which the header must have come. */
  readonly requestTimeout: number;
  readonly metrics: Pick<GatewayMetrics, 'limited'>;
  readonly logger: Pick<Logger, 'warn'>;
}

/** Connections that begin with a header of the PROXY protocol. */
export interface Proxied {
  /** The client's address; the peer's where the header told none. */
  addressOf(socket: Socket): string;
  /**
   * From now on every connection to this server must begin with a header, before TLS. Who comes from elsewhere, or without one, is
   * closed: counted as `proxyProtocol`, and told by the log once for each cause.
   */
  expectOn(server: Server): void;
}

type Listener = (this: Server, socket: Socket) => void;

const peerOf = ({ remoteAddress = '' }: Socket): string => remoteAddress;

export function proxied({ from, requestTimeout, metrics, logger }: ProxiedParts): Proxied {
  const isTrusted = within(from);
  const addresses = new Map<string, { readonly address: string }>();
  const told = new Set<string>();

  function refuse(socket: Socket, why: string): void {
    metrics.limited('proxyProtocol');
    if (!told.has(why)) {
      told.add(why);
      logger.warn({ address: peerOf(socket), why }, 'a connection was refused by the PROXY protocol');
    }
    socket.destroy();
  }

  function keep(socket: Socket, address: string): void {
    const key = keyOf(socket);
    const kept = { address };
    addresses.set(key, kept);
    // A connection that came meanwhile from the same port has an address of its own.
    socket.on('close', () => addresses.get(key) === kept && addresses.delete(key));
  }

  return {
    addressOf: (socket) => addresses.get(keyOf(socket))?.address ?? peerOf(socket),
    expectOn(server) {
      const reading = new Set<Socket>();
      const introduced = new WeakSet<Socket>();
      // Node's own, which begins to speak HTTP or TLS. All who listen beside it hear of a connection when it comes, as before:
      // bound and closed with the others, it can be only so.
      const [speak] = server.listeners('connection') as [Listener];
      server.off('connection', speak);
      server.prependListener('connection', (socket: Socket) => {
        // One that is read anew, after an offer of another protocol, has said its header long ago.
        if (introduced.has(socket)) return speak.call(server, socket);
        if (!isTrusted(peerOf(socket))) return refuse(socket, 'its peer is not trusted');
        reading.add(socket);
        readHeader(socket, requestTimeout, (header) => {
          reading.delete(socket);
          if (header === null) return;
          if (header.kind === 'wrong') return refuse(socket, header.why);
          introduced.add(socket);
          if (header.address !== null) keep(socket, header.address);
          speak.call(server, socket);
        });
      });

      const closeAll = server.closeAllConnections.bind(server);
      server.closeAllConnections = () => {
        for (const socket of reading) socket.destroy();
        closeAll();
      };
    },
  };
}

type Read =
  | { readonly kind: 'wrong'; readonly why: string }
  | { readonly kind: 'whole'; readonly address: string | null };

/** Reads a header and nothing behind it. `done` gets null of a connection that ends before. */
function readHeader(socket: Socket, timeout: number, done: (header: Read | null) => void): void {
  let bytes: Buffer = Buffer.alloc(0);
  const timer = setTimeout(() => finish({ kind: 'wrong', why: 'its header does not come to its end' }), timeout);
  const failed = () => undefined;
  socket.on('error', failed).on('end', ended).on('close', ended).on('readable', readable);

  function finish(header: Read | null): void {
    clearTimeout(timer);
    socket.off('readable', readable).off('end', ended).off('close', ended);
    // Node forgets only in the next tick that a stream was read so: until then no other listener makes it flow.
    process.nextTick(() => {
      socket.off('error', failed);
      done(socket.destroyed ? null : header);
    });
  }

  function readable(): void {
    for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) {
      bytes = Buffer.concat([bytes, chunk]);
      const header = readProxyHeader(bytes);
      if (header.kind === 'more') continue;
      if (header.kind === 'whole' && header.length < bytes.length) socket.unshift(bytes.subarray(header.length));
      finish(header);
      return;
    }
  }

  function ended(): void {
    socket.destroy();
    finish(null);
  }
}
