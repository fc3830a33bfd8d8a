import { once } from 'node:events';
import { connect } from 'node:net';
import { PubSub } from 'graphql-subscriptions';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { nobody } from '../../src/graphql/viewer.js';
import { silent } from '../../src/observe/logger.js';
import { noGatewayMetrics } from '../../src/observe/metrics.js';
import { compileSchema } from '../../src/schema/compile.js';
import type { StreamSchema } from '../../src/schema/stream-schema.js';
import { createGateway } from '../../src/serve/gateway.js';
import { http2 } from '../support/clients/http2.js';
import { eventually } from '../support/eventually.js';
import { listenSse, type Result, type River, river } from '../support/river.js';
import { certificateAuthority } from '../support/servers/certificates.js';

const sdl = 'type Subscription { note: Note! @kafka(topic: "notes") @public } type Note { id: ID! }';
const query = 'subscription { note { id } }';
const json = { 'content-type': 'application/json' };
const retryAfter = expect.stringMatching(/^\d+$/);

/** Its end, and whether that has come. */
function retirement({ retire }: Pick<River, 'retire'>) {
  let over = false;
  const end = retire().then(() => {
    over = true;
  });
  return { end, isOver: () => over };
}

const ready = ({ url }: Pick<River, 'url'>) => fetch(new URL('/readyz', url));

/** How a handshake is refused. */
async function handshake({ wsUrl }: River) {
  const socket = new WebSocket(wsUrl, 'graphql-transport-ws');
  socket.on('error', () => undefined);
  const [, { statusCode, headers }] = await once(socket, 'unexpected-response');
  socket.terminate();
  return [statusCode, headers['retry-after'], headers.connection];
}

const answered = async (asked: Promise<Response>) => {
  const { status, headers } = await asked;
  return [status, headers.get('retry-after'), headers.get('connection')];
};

describe.concurrent('until the retire period ends', () => {
  test('whoever comes anew is taken, and told: not ready, come back later', async () => {
    await using r = await river(sdl, { retirePeriod: 3_000 });
    await using stream = listenSse(r.url, query);
    await eventually('a stream', () => r.subscribed() === 1);
    const retiring = retirement(r);
    const notReady = await ready(r);
    expect([notReady.status, notReady.headers.get('connection')]).toEqual([503, 'close']);
    expect(await notReady.json()).toEqual({ status: 'not ready', why: 'retiring' });
    expect(await handshake(r)).toEqual([503, retryAfter, 'close']);
    for (const path of ['', '/stream']) {
      const headers = { ...json, accept: 'text/event-stream' };
      const asked = fetch(r.url + path, { method: 'POST', headers, body: JSON.stringify({ query }) });
      expect(await answered(asked)).toEqual([503, retryAfter, 'close']);
    }
    expect((await fetch(new URL('/healthz', r.url))).status).toBe(200);
    expect(retiring.isOver()).toBe(false);
    void stream;
    await retiring.end;
    await expect(ready(r)).rejects.toThrow();
  });

  test('an EventSource gets a stream that ends, for any other status would stop it for ever', async () => {
    await using r = await river(sdl, { retirePeriod: 2_000 });
    const retiring = retirement(r);
    const answer = await fetch(`${r.url}/stream?${new URLSearchParams({ query })}`, {
      headers: { accept: 'text/event-stream' },
    });
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close']);
    expect(await answer.text()).not.toContain('event:');
    expect(retiring.isOver()).toBe(false);
  });

  test('queries are answered, each as the last one of its connection', async () => {
    await using r = await river(sdl, { retirePeriod: 2_000 });
    const retiring = retirement(r);
    const asked = await fetch(r.url, { method: 'POST', headers: json, body: '{"query":"{ version }"}' });
    expect([asked.status, asked.headers.get('connection')]).toEqual([200, 'close']);
    expect(((await asked.json()) as Result).data).toEqual({ version: '1.2.3' });
    expect(retiring.isOver()).toBe(false);
  });

  test('the door is open, whoever has left before: a balancer sends them here as long as it does not know', async () => {
    const retirePeriod = 1_000;
    await using r = await river(sdl, { retirePeriod });
    const began = performance.now();
    const retiring = retirement(r);
    const statuses: number[] = [];
    for (;;) {
      const status = await ready(r).then(
        (answer) => answer.status,
        () => null,
      );
      if (status === null) break;
      statuses.push(status);
    }
    // Never shut before: how long after does not matter.
    expect(performance.now() - began).toBeGreaterThanOrEqual(retirePeriod - 1);
    expect(new Set(statuses)).toEqual(new Set([503]));
    await retiring.end;
  });

  test('a connection that a proxy keeps for later is answered, and then closed', async () => {
    await using r = await river(sdl, { retirePeriod: 2_000 });
    const socket = connect(Number(new URL(r.url).port), '127.0.0.1');
    const ask = async () => {
      socket.write('GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n');
      const [answer] = await once(socket, 'data');
      return String(answer).split('\r\n', 1)[0];
    };
    expect(await ask()).toBe('HTTP/1.1 200 OK');
    const retiring = retirement(r);
    await eventually('the next one knows', async () => (await ready(r)).status === 503);
    const ended = once(socket, 'close');
    expect(await ask()).toBe('HTTP/1.1 503 Service Unavailable');
    await ended;
    expect(retiring.isOver()).toBe(false);
  });
});

test('a replica that never listened is over at once', async () => {
  await using taken = await river(sdl, { retirePeriod: 0 });
  const { schema } = compileSchema(sdl, { file: 'test.graphql', retention: { retain: 600_000, max: 1000 } });
  const gateway = createGateway({
    streams: schema as StreamSchema,
    log: { ...taken.log, close: async () => {} },
    authenticate: async () => nobody,
    cursorSecrets: ['cursor secret'],
    pubsub: new PubSub(),
    retirePeriod: 1_000_000,
    metrics: noGatewayMetrics,
    logger: silent,
  });
  await expect(gateway.listen(Number(new URL(taken.url).port), '127.0.0.1')).rejects.toThrow('EADDRINUSE');
  await gateway.retire();
});

describe.concurrent('at the end of it', () => {
  test('a connection on which nothing is due does not put it off', async () => {
    await using r = await river(sdl);
    const silent = connect(Number(new URL(r.url).port), '127.0.0.1');
    await once(silent, 'connect');
    const idle = await fetch(r.url, { method: 'POST', headers: json, body: '{"query":"{ version }"}' });
    await idle.text();
    const closed = once(silent, 'close');
    await r.retire();
    await closed;
  });

  test('a query that has come is answered', async () => {
    let answer = () => {};
    let asked = false;
    const resolvers = {
      Query: {
        slow: () =>
          new Promise((resolve) => {
            asked = true;
            answer = () => resolve('done');
          }),
      },
    };
    await using r = await river(`type Query { slow: String! @public } ${sdl}`, { resolvers, retirePeriod: 100 });
    const slow = fetch(r.url, { method: 'POST', headers: json, body: '{"query":"{ slow }"}' });
    await eventually('it is asked', () => asked);
    const retiring = retirement(r);
    await eventually('nobody else is let in', () =>
      ready(r).then(
        () => false,
        () => true,
      ),
    );
    answer();
    expect(((await (await slow).json()) as Result).data).toEqual({ slow: 'done' });
    await retiring.end;
  });

  test('one that never ends does not put it off for ever', async () => {
    let asked = false;
    const resolvers = {
      Query: {
        never: () =>
          new Promise(() => {
            asked = true;
          }),
      },
    };
    await using r = await river(`type Query { never: String @public } ${sdl}`, { resolvers });
    const never = fetch(r.url, { method: 'POST', headers: json, body: '{"query":"{ never }"}' }).catch(() => 'cut');
    await eventually('it is asked', () => asked);
    await r.retire();
    expect(await never).toBe('cut');
  });
});

describe.concurrent('over TLS', () => {
  test('whoever comes anew is told so too, over HTTP/2 and HTTP/1.1, and to come by another connection', async () => {
    using authority = certificateAuthority();
    await using r = await river(sdl, { tls: authority.issue('gateway'), retirePeriod: 3_000 });
    await using before = http2(r.url, authority.ca);
    await before.ask('/readyz');
    const retiring = retirement(r);
    await eventually('those who are there are told', () => before.goneAway());

    await using after = http2(r.url, authority.ca);
    const notReady = await after.ask('/readyz');
    expect([notReady.status, JSON.parse(notReady.text)]).toEqual([503, { status: 'not ready', why: 'retiring' }]);
    await eventually('and those who come are told', () => after.goneAway());

    await using third = http2(r.url, authority.ca);
    const body = JSON.stringify({ query });
    const stream = await third.ask('/graphql/stream', { ...json, body });
    expect([stream.status, stream.headers['retry-after']]).toEqual([503, retryAfter]);

    const socket = new WebSocket(r.wsUrl.replace(/^ws:/, 'wss:'), 'graphql-transport-ws', { ca: authority.ca });
    socket.on('error', () => undefined);
    const [, { statusCode, headers }] = await once(socket, 'unexpected-response');
    expect([statusCode, headers['retry-after'], headers.connection]).toEqual([503, retryAfter, 'close']);
    socket.terminate();
    expect(retiring.isOver()).toBe(false);
    await retiring.end;
  });
});
