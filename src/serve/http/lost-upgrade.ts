import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '../../observe/logger.js';
import { answer } from '../answer.js';
import type { Route } from './entrance.js';

const message =
  'This is the handshake of a WebSocket without the headers `Upgrade: websocket` and `Connection: Upgrade`. ' +
  'A proxy on the way has dropped them: it must speak HTTP/1.1 to the gateway and pass both on.';

/** Only the handshake of a WebSocket has a key (RFC 6455, section 4.1): Node takes it for a plain request where `Upgrade` or `Connection` is gone. */
const isHandshake = ({ method, headers }: IncomingMessage): boolean =>
  method === 'GET' && headers['sec-websocket-key'] !== undefined;

/**
 * Answers the handshake of a WebSocket that comes as a plain request, and hands on all others. Answered as a request for a
 * query it would be a 400 for a missing query, and nobody would look for the fault in the proxy. The log has it once.
 */
export function orUpgradeRequired(logger: Logger, handle: Route['handle']): Route['handle'] {
  let isTold = false;
  return (request: IncomingMessage, response: ServerResponse, body) => {
    if (!isHandshake(request)) return handle(request, response, body);
    if (!isTold) logger.warn({ host: request.headers.host }, message);
    isTold = true;
    // HTTP/2 has no such headers.
    const upgrade: Record<string, string> =
      request.httpVersionMajor < 2 ? { Upgrade: 'websocket', Connection: 'Upgrade' } : {};
    answer(response, 426, { errors: [{ message, extensions: { code: 'BAD_REQUEST' } }] }, upgrade);
  };
}
