import type { Result } from '../river.js';
import { eventsOf } from './event-stream.js';

/** A stream of server-sent events by fetch, without a client library: what it says, and its name. By GET without a body. */
export async function events(
  url: string,
  body: object | string | null,
  token: string | null = null,
  headers: object = {},
) {
  const leaving = new AbortController();
  const response = await fetch(url, {
    method: body === null ? 'GET' : 'POST',
    signal: leaving.signal,
    headers: {
      accept: 'text/event-stream',
      ...(body === null ? {} : { 'content-type': 'application/json' }),
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body === null ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const results: Result[] = [];
  let over = false;
  let completed = false;
  let cursor: string | null = null;
  let heartbeats = 0;
  async function read() {
    for await (const { id, event, data, isComment } of eventsOf(response)) {
      if (event === 'complete') completed = true;
      if (isComment) heartbeats++;
      cursor = id ?? cursor;
      if (data) results.push(JSON.parse(data));
    }
  }
  const ended = (response.ok ? read() : response.json().then((answer: Result) => results.push(answer)))
    .catch(() => undefined)
    .finally(() => {
      over = true;
    });
  const id = response.headers.get('tailrace-stream') ?? '';
  return {
    status: response.status,
    id,
    results,
    ended,
    cursor: () => cursor,
    heartbeats: () => heartbeats,
    isOver: () => over,
    /** True once the server said that it is complete. */
    isComplete: () => completed,
    /** Asks a replica, the same one by default, to renew the token of this stream. */
    async renew(renewed: string, at = url): Promise<{ status: number; body: Result }> {
      const answer = await fetch(`${at}/renew`, { method: 'POST', body: JSON.stringify({ id, token: renewed }) });
      return { status: answer.status, body: await answer.json() };
    },
    async [Symbol.asyncDispose]() {
      leaving.abort();
      await ended;
    },
  };
}
