import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import type { Result } from '../river.js';
import { eventReader, type StreamEvent } from './event-stream.js';

/** One connection of HTTP/2, as a browser has it: all that it asks goes over the same socket. */
export function http2(url: string, ca: string) {
  const { origin } = new URL(url.replace(/^http:/, 'https:'));
  const session = connect(origin, { ca });
  session.on('error', () => undefined);
  let goneAway = false;
  session.on('goaway', () => {
    goneAway = true;
  });
  return {
    session,
    /** True once the server said that it takes no more on this connection. */
    goneAway: () => goneAway,
    async ask(path: string, { body, ...headers }: Record<string, string> = {}) {
      const stream = session.request({ ':path': path, ':method': body === undefined ? 'GET' : 'POST', ...headers });
      stream.end(body);
      const answer = await head(stream);
      let text = '';
      for await (const chunk of stream) text += String(chunk);
      return { status: Number(answer[':status']), headers: answer, text };
    },
    events: (query: string, headers: Record<string, string> = {}) => events(session, query, headers),
    async [Symbol.asyncDispose]() {
      session.destroy();
    },
  };
}

const head = (stream: ClientHttp2Stream) =>
  new Promise<Record<string, unknown>>((resolve, reject) => {
    stream.on('response', resolve).on('error', reject);
    stream.on('close', () => reject(new Error('the stream was closed')));
  });

/** A stream of server-sent events, by GET as `EventSource` asks. `pause` stops reading this stream alone. */
async function events(session: ClientHttp2Session, query: string, headers: Record<string, string>) {
  const path = `/graphql/stream?query=${encodeURIComponent(query)}`;
  const stream = session.request({ ':path': path, accept: 'text/event-stream', ...headers });
  const answer = await head(stream);
  const heard: StreamEvent[] = [];
  const take = eventReader();
  let over = false;
  stream.on('data', (bytes: Buffer) => void heard.push(...take(bytes)));
  stream.on('error', () => undefined);
  stream.on('close', () => {
    over = true;
  });
  return {
    headers: answer,
    status: Number(answer[':status']),
    text: () => heard.map(({ text }) => `${text}\n\n`).join(''),
    results: () => heard.flatMap(({ data }): Result[] => (data ? [JSON.parse(data)] : [])),
    cursor: () => heard.findLast(({ id }) => id !== null)?.id as string,
    isOver: () => over,
    pause: () => void stream.pause(),
    resume: () => void stream.resume(),
    stop: () => stream.close(constants.NGHTTP2_CANCEL),
  };
}
