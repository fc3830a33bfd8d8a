import { once } from 'node:events';
import { connect } from 'node:tls';

/** A frame of HTTP/2 (RFC 9113, section 4.1), well-formed or not: for what no library would send. */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export const [data, headers, reset, settings, ping, continuation] = [0, 1, 3, 4, 6, 9] as const;
export const [endStream, endHeaders] = [1, 4] as const;

const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);

/** The fields of a request in HPACK, by its static table. */
export const fields = (method: 'GET' | 'POST', path: string): Buffer =>
  Buffer.concat([
    Buffer.from([method === 'GET' ? 0x82 : 0x83, 0x87, 0x04]),
    text(path),
    Buffer.from([0x01]),
    text('gateway'),
  ]);

/** Opens a connection and says hello; `send` gives everything in one write. */
export async function frames(port: number, ca: string) {
  const socket = connect({ port, host: '127.0.0.1', ca, ALPNProtocols: ['h2'] });
  let closed = false;
  socket
    .on('error', () => undefined)
    .on('close', () => {
      closed = true;
    });
  await once(socket, 'secureConnect');
  socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(settings, 0, 0)]));
  socket.resume();
  return {
    send: (all: readonly Uint8Array[]) => void socket.write(Buffer.concat(all)),
    isClosed: () => closed,
    async [Symbol.asyncDispose]() {
      socket.destroy();
    },
  };
}
