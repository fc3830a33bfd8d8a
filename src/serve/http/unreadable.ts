import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { GatewayMetrics } from '../../observe/metrics.js';
import { rawAnswer } from '../answer.js';
import { inTurns } from '../limits/in-turns.js';
import { refuseUnread } from '../port/long-headers.js';

/** Answers requests that Node gave up to read, as far as their sender has come so far as to speak HTTP, and ends their connections. */
export function answerUnreadable(
  server: Server,
  { headerBytes }: { readonly headerBytes: number },
  metrics: Pick<GatewayMetrics, 'limited'>,
): void {
  const refuse = (socket: Socket, status: number | null) => {
    // Bytes that went out already belong to an answer that has begun: another one would stand in the midst of it.
    if (status === null || !socket.writable || socket.bytesWritten > 0) return socket.destroy();
    socket.end(rawAnswer(status), () => socket.destroy());
  };
  const late = inTurns((socket: Socket) => refuse(socket, 408));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
      metrics.limited('requestTimeout');
      // Node looks for late requests now and then, and finds a thousand at once.
      return late(socket);
    }
    if (error.code === 'HPE_HEADER_OVERFLOW' && socket.writable) {
      metrics.limited('headerBytes');
      return refuseUnread(socket, headerBytes);
    }
    refuse(socket, error.code?.startsWith('HPE_') ? 400 : null);
  });
}
