import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

/** What a client tells whoever opened it. */
export interface RawListener {
  /** It is subscribed, and may come back after this cursor; again with every heartbeat. */
  cursor(cursor: string): void;
  /** A `next` message, as text: parsing thousands of them would cost more than the gateway takes to send them. */
  next(text: string): void;
  /** The operation or the connection ended, and not by `close`; `passing` when the network refused it at the door. */
  ended(why: string, passing: boolean): void;
}

export interface Visit {
  readonly port: number;
  readonly token: string;
  readonly query: string;
  readonly variables: Record<string, unknown>;
  readonly after: string | null;
}

/**
 * One `graphql-transport-ws` operation over a bare socket, so that thousands fit into one process and what is measured
 * is the gateway. Its frames are masked with zeros, which leaves them as they are.
 */
export function rawClient({ port, token, query, variables, after }: Visit, listener: RawListener): { close(): void } {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  let rest: Buffer = Buffer.alloc(0);
  let upgraded = false;
  let closed = false;

  const say = (message: object) => send(socket, JSON.stringify(message));
  const end = (why: string) => {
    if (closed) return;
    closed = true;
    socket.destroy();
    listener.ended(why, !upgraded && !why.startsWith('HTTP'));
  };

  function hear(text: string) {
    if (text.startsWith('{"id":"1","type":"next"')) return listener.next(text);
    const message = JSON.parse(text);
    if (message.type === 'ping') {
      const cursor = message.payload?.cursors?.['1'];
      if (cursor) listener.cursor(cursor);
      say({ type: 'pong' });
    } else if (message.type === 'connection_ack') {
      const extensions = after === null ? {} : { extensions: { after } };
      say({ id: '1', type: 'subscribe', payload: { query, variables, ...extensions } });
    } else end(text);
  }

  socket.on('connect', () => {
    const key = randomBytes(16).toString('base64');
    socket.write(
      `GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n`,
    );
  });
  socket.on('data', (data: Buffer) => {
    rest = rest.length === 0 ? data : Buffer.concat([rest, data]);
    if (!upgraded) {
      const at = rest.indexOf('\r\n\r\n');
      if (at < 0) return;
      const status = rest.toString('latin1', 0, rest.indexOf('\r\n'));
      if (!status.includes(' 101 ')) return end(status);
      upgraded = true;
      rest = rest.subarray(at + 4);
      say({ type: 'connection_init', payload: { Authorization: `Bearer ${token}` } });
    }
    let at = 0;
    for (let frame = frameAt(rest, at); frame && !closed; frame = frameAt(rest, at)) {
      const { opcode, from, to } = frame;
      at = to;
      if (opcode === 8) return end(`closed: ${rest.readUInt16BE(from)} ${rest.toString('utf8', from + 2, to)}`);
      if (opcode === 1) hear(rest.toString('utf8', from, to));
    }
    rest = rest.subarray(at);
  });
  socket.on('error', (error) => end(error.message));
  socket.on('close', () => end('the connection closed'));

  return {
    close() {
      closed = true;
      socket.destroy();
    },
  };
}

function frameAt(bytes: Buffer, at: number) {
  if (bytes.length < at + 2) return null;
  const opcode = (bytes[at] as number) & 15;
  const short = (bytes[at + 1] as number) & 127;
  const head = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < at + head) return null;
  const length =
    short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
  const from = at + head;
  return bytes.length < from + length ? null : { opcode, from, to: from + length };
}

function send(socket: Socket, text: string) {
  const length = Buffer.byteLength(text);
  const head = Buffer.alloc(length < 126 ? 6 : 8);
  head[0] = 0x81;
  head[1] = 0x80 | (length < 126 ? length : 126);
  if (length >= 126) head.writeUInt16BE(length, 2);
  socket.write(Buffer.concat([head, Buffer.from(text)]));
}
