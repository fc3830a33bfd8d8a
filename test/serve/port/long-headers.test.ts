import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { beforeAll, describe, expect, test } from 'vitest';
import { http2 } from '../../support/clients/http2.js';
import { type River, river } from '../../support/river.js';
import { type Authority, certificateAuthority } from '../../support/servers/certificates.js';

const sdl = 'type Subscription { note: Note! @kafka(topic: "notes") @public } type Note { id: ID! }';
const tokenOf = (bytes: number) => `Bearer ${'x'.repeat(bytes)}`;

let authority: Authority;
let tls: { cert: string; key: string };
beforeAll(() => {
  authority = certificateAuthority();
  tls = authority.issue('gateway');
  return () => authority[Symbol.dispose]();
});

const upgrade = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  `Sec-WebSocket-Key: ${'a'.repeat(22)}==`,
];
const ways = {
  'a query': ['GET /graphql?query=%7Bversion%7D HTTP/1.1'],
  'an event stream': ['GET /graphql/stream?query=subscription%7Bnote%7Bid%7D%7D HTTP/1.1', 'Accept: text/event-stream'],
  'a ticket': ['POST /graphql/ticket HTTP/1.1', 'Content-Length: 0'],
  'a WebSocket': ['GET /graphql HTTP/1.1', ...upgrade],
};

/** The whole answer to a request written by hand, in pieces as a slow line brings them. */
async function answerTo(r: River, [first, ...lines]: readonly string[], authorization: string) {
  const port = Number(new URL(r.url).port);
  const secure = r.url.startsWith('https');
  const socket: Socket = secure
    ? connectTls({ port, ca: authority.ca, host: '127.0.0.1' })
    : connect(port, '127.0.0.1');
  const text = [first, 'Host: gateway', ...lines, `Authorization: ${authorization}`, '', ''].join('\r\n');
  let answer = '';
  socket
    .on('error', () => undefined)
    .on('data', (data) => {
      answer += String(data);
    });
  const over = new Promise((resolve) => socket.on('close', resolve));
  for (let at = 0; at < text.length && !socket.destroyed; at += 10_000) {
    socket.write(text.slice(at, at + 10_000));
    await new Promise((resolve) => setImmediate(resolve));
  }
  setTimeout(() => socket.end(), 1_500).unref();
  await over;
  const [head = ''] = answer.split('\r\n\r\n');
  // It may come in chunks.
  const [body = ''] = /\{.*\}/.exec(answer) ?? [];
  return { status: Number(head.split(' ')[1]), head, body };
}

const told = (max: number, value: string) => ({
  errors: [
    {
      message: `headerBytes is at most ${max}, this would be ${value}`,
      extensions: { code: 'LIMIT_EXCEEDED', limit: 'headerBytes', max },
    },
  ],
});

describe.concurrent.each(['http', 'https'])(
  'over %s, a token that is too long for a header is refused with a sentence',
  (scheme) => {
    const open = (limits = {}) =>
      river(sdl, { limits, ...(scheme === 'https' ? { tls } : {}) }).then((r) =>
        Object.assign(r, { url: r.url.replace('http:', `${scheme}:`) }),
      );

    test.each(Object.entries(ways))('by %s', async (_, lines) => {
      await using r = await open();
      const { status, head, body } = await answerTo(r, lines, tokenOf(17_000));
      expect(status).toBe(431);
      expect(head).toMatch(/^content-type: application\/json/im);
      const { errors } = JSON.parse(body);
      expect({ errors }).toEqual(told(16_384, String(/\d+$/.exec(errors[0].message))));
    });

    test.each([40_000, 300_000])('by all of these, of %i bytes', async (bytes) => {
      await using r = await open();
      for (const lines of Object.values(ways)) {
        const { status, head, body } = await answerTo(r, lines, tokenOf(bytes));
        expect([lines[0], status, JSON.parse(body)]).toEqual([lines[0], 431, told(16_384, 'more than 32768')]);
        expect(head).toMatch(/^content-type: application\/json/im);
      }
    });

    test('as long as it is longer than was set', async () => {
      await using r = await open({ headerBytes: 40_000 });
      expect((await answerTo(r, ways['a query'], tokenOf(30_000))).status).toBe(401);
      expect((await answerTo(r, ways['a query'], tokenOf(50_000))).status).toBe(431);
    });
  },
);

test('over HTTP/2 too', async () => {
  await using r = await river(sdl, { tls });
  await using client = http2(r.url, authority.ca);
  for (const bytes of [17_000, 60_000]) {
    const answer = await client.ask('/graphql?query=%7Bversion%7D', { authorization: tokenOf(bytes) });
    expect([answer.status, JSON.parse(answer.text).errors[0].extensions.limit]).toEqual([431, 'headerBytes']);
    const stream = await client.events('subscription { note { id } }', { authorization: tokenOf(bytes) });
    expect(stream.status).toBe(431);
  }
  // And its connection serves the next.
  expect((await client.ask('/graphql?query=%7Bversion%7D')).status).toBe(200);
});

test('a page may read why', async () => {
  const origin = 'https://app.example';
  await using r = await river(sdl, { origins: [origin] });
  const { status, headers } = await fetch(`${r.url}?query=%7Bversion%7D`, {
    headers: { origin, authorization: tokenOf(15_900), cookie: 'a'.repeat(2_000) },
  });
  expect([status, headers.get('access-control-allow-origin')]).toEqual([431, origin]);
});
