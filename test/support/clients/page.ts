import { once } from 'node:events';
import { WebSocket } from 'ws';
import { tokenFor } from '../river.js';

/** Statuses that a page of this origin gets at this `/graphql`: of a query by POST, of a ticket, of a WebSocket's handshake. */
export async function answersTo(
  origin: string,
  url: string,
): Promise<[post: number, ticket: number, handshake: number]> {
  const authorization = `Bearer ${await tokenFor({ sub: 'ada' })}`;
  const headers = { 'content-type': 'application/json', origin, authorization };
  const post = await fetch(url, { method: 'POST', headers, body: '{"query":"{ __typename }"}' });
  const ticket = await fetch(`${url}/ticket`, { method: 'POST', headers });
  const socket = new WebSocket(url.replace(/^http/, 'ws'), 'graphql-transport-ws', { origin });
  socket.on('error', () => undefined);
  const answer = await Promise.race([
    once(socket, 'upgrade').then(([response]) => response),
    once(socket, 'unexpected-response').then(([, response]) => response),
  ]);
  socket.terminate();
  return [post.status, ticket.status, answer.statusCode];
}
