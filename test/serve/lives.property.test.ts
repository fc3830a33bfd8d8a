import { once } from 'node:events';
import { constants } from 'node:http2';
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { noGatewayMetrics } from '../../src/observe/metrics.js';
import type { GatewayParts } from '../../src/serve/gateway.js';
import { tokenAuthenticator } from '../../src/serve/identity/authenticate.js';
import { http2 } from '../support/clients/http2.js';
import { socket } from '../support/clients/socket.js';
import { eventually } from '../support/eventually.js';
import { type River, river, secret, tokenFor } from '../support/river.js';
import { certificateAuthority } from '../support/servers/certificates.js';

const sdl = `
  enum Way { GOES ENDS FAILS THROWS IS_SLOW }
  type Query { wait: Int! @public }
  type Mutation { knock: Int! @public }
  type Subscription {
    note: Note! @kafka(topic: "notes") @public
    mine: Note! @kafka(topic: "notes") @where(rule: "event.user == claims.sub")
    scoped: Note! @kafka(topic: "notes") @requiresScopes(scopes: [["all"]])
    told(way: Way!): Int! @public
  }
  type Note { id: ID! user: ID }`;

const operations = [
  'subscription { note { id } }',
  'subscription { mine { id } }',
  'subscription { scoped { id } }',
  ...['GOES', 'ENDS', 'FAILS', 'THROWS', 'IS_SLOW', 'IS_SLOW', 'IS_SLOW'].map(
    (way) => `subscription { told(way: ${way}) }`,
  ),
  '{ wait }',
  'mutation { knock }',
  '{ broken',
  'subscription { nobody }',
];

/** As many of each as one user may have. */
const most = 6;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A gateway that says what it has now: connections, subscriptions, groups, and sources of its resolvers. */
async function gauged(parts: Partial<GatewayParts> = {}) {
  const now = { websocket: 0, sse: 0, subscriptions: 0, groups: 0, sources: 0 };
  async function* values(way: string) {
    yield { told: 1 };
    if (way === 'FAILS') throw new Error('the source fails');
    if (way !== 'ENDS') for (;;) yield pause(5).then(() => ({ told: 2 }));
  }
  /** Counted from when it is made: one that nobody asks for anything is open, too. */
  function source(way: string): AsyncIterableIterator<unknown> {
    const inner = values(way);
    let open = 1;
    now.sources++;
    const over = () => {
      now.sources -= open;
      open = 0;
    };
    return {
      async next() {
        const result = await inner.next().catch((error) => {
          over();
          throw error;
        });
        if (result.done) over();
        return result;
      },
      async return() {
        over();
        return inner.return(undefined as never);
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
  async function subscribe(_: unknown, { way }: { way: string }) {
    if (way === 'THROWS') throw new Error('there is none');
    if (way === 'IS_SLOW') await pause(10);
    return source(way);
  }
  const byToken = tokenAuthenticator({ secrets: [secret], jwksUrl: null, issuer: null, audience: null });
  const r = await river(sdl, {
    resolvers: {
      Query: { wait: () => pause(5).then(() => 1) },
      Mutation: { knock: () => 1 },
      Subscription: { told: { subscribe } },
    } as never,
    ...parts,
    limits: {
      connectionsPerUser: most,
      subscriptionsPerUser: most,
      roomWait: 5,
      connectRate: 1_000_000,
      mutationsPerMinute: 1_000_000,
    },
    metrics: {
      ...noGatewayMetrics,
      connected(transport, change) {
        now[transport] += change;
      },
      subscribed(_, change) {
        now.subscriptions += change;
      },
      groups(count) {
        now.groups = count;
      },
    },
    /** Takes a while, or fails, or ends soon, as the token itself says. */
    async authenticate(request) {
      const viewer = await byToken(request);
      const { slow, fails, life } = viewer.claims as { slow?: number; fails?: boolean; life?: number };
      if (slow) await pause(slow);
      if (fails) throw new Error('the database of sessions is away');
      return life === undefined ? viewer : { ...viewer, expiresAt: Date.now() + life };
    },
  });
  return Object.assign(r, { now });
}

interface Life {
  readonly by: 'websocket' | 'post' | 'get' | 'handshake';
  readonly user: 'ada' | 'grace' | null;
  readonly token: { readonly slow?: number; readonly fails?: boolean; readonly life?: number; readonly scope?: string };
  readonly asks: readonly number[];
  readonly completes: boolean;
  readonly renewal: 'same' | 'less' | 'foreign' | 'garbage' | null;
  /** Milliseconds before its end. */
  readonly lasts: number;
  readonly end: 'cut' | 'closed' | 'garbage' | 'revoked' | 'by itself';
}

const life: fc.Arbitrary<Life> = fc.record({
  by: fc.constantFrom('websocket', 'websocket', 'post', 'get', 'handshake'),
  user: fc.constantFrom('ada', 'ada', 'grace', 'grace', null),
  token: fc.oneof(
    { weight: 5, arbitrary: fc.constant({ scope: 'all' }) },
    { weight: 1, arbitrary: fc.constant({}) },
    { weight: 1, arbitrary: fc.record({ slow: fc.nat({ max: 8 }) }) },
    { weight: 1, arbitrary: fc.constant({ fails: true }) },
    { weight: 1, arbitrary: fc.record({ life: fc.nat({ max: 20 }) }) },
  ),
  asks: fc.array(fc.nat({ max: operations.length - 1 }), { minLength: 1, maxLength: 4 }),
  completes: fc.boolean(),
  renewal: fc.constantFrom('same', 'less', 'less', 'less', 'foreign', 'garbage', null),
  lasts: fc.nat({ max: 25 }),
  end: fc.constantFrom('cut', 'cut', 'closed', 'garbage', 'revoked', 'by itself'),
});

let lives = 0;

/** Lives it to its end. */
async function live(r: River, { by, user, token, asks, completes, renewal, lasts, end }: Life): Promise<void> {
  const sid = `s${lives++}`;
  const signed = user && (await tokenFor({ sub: user, sid, ...token }));
  const anew = {
    same: () => tokenFor({ sub: user, sid, ...token }),
    less: () => tokenFor({ sub: user, sid }),
    foreign: () => tokenFor({ sub: 'eve', sid }),
    garbage: async () => 'garbage',
  };
  const renewed = renewal && (await anew[renewal]());
  const revoke = () => r.revoke({ sid });
  if (by === 'handshake') {
    const { hostname, port } = new URL(r.url);
    const half = connect(Number(port), hostname);
    half.on('error', () => undefined);
    half.write('GET /graphql HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n');
    if (completes) half.write('Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
    await pause(lasts % 4);
    half.destroy();
    return;
  }
  if (by === 'websocket') {
    const webSocket = new WebSocket(r.wsUrl, 'graphql-transport-ws');
    const over = new Promise((resolve) => webSocket.on('close', resolve));
    webSocket.on('error', () => undefined);
    const send = (message: object) =>
      webSocket.readyState === WebSocket.OPEN && webSocket.send(JSON.stringify(message));
    webSocket.on('open', () =>
      send({ type: 'connection_init', payload: signed ? { authorization: `Bearer ${signed}` } : {} }),
    );
    webSocket.on('message', (data) => {
      if (JSON.parse(String(data)).type !== 'connection_ack') return;
      for (const [id, at] of asks.entries())
        send({ type: 'subscribe', id: `${id}`, payload: { query: operations[at] } });
      if (renewed) send({ type: 'ping', payload: { authorization: `Bearer ${renewed}` } });
      if (completes) setImmediate(() => send({ type: 'complete', id: '0' }));
    });
    await pause(lasts);
    if (end === 'revoked') await revoke();
    if (end === 'closed') webSocket.close(1000);
    else if (end === 'garbage') send({ type: 'nonsense' });
    else if (end === 'cut') webSocket.terminate();
    // Whoever is not ended by the gateway leaves.
    await Promise.race([over, pause(15)]);
    webSocket.terminate();
    return;
  }
  const leaving = new AbortController();
  const query = operations[asks[0] as number] as string;
  const headers = {
    accept: 'text/event-stream',
    'content-type': 'application/json',
    ...(signed ? { authorization: `Bearer ${signed}` } : {}),
  };
  const asked =
    by === 'get'
      ? fetch(`${r.url}?${new URLSearchParams({ query })}`, { headers, signal: leaving.signal })
      : fetch(r.url, { method: 'POST', headers, body: JSON.stringify({ query }), signal: leaving.signal });
  const ended = asked
    .then(async (response) => {
      const id = response.headers.get('tailrace-stream');
      if (id && renewed)
        await fetch(`${r.url}/renew`, {
          method: 'POST',
          body: JSON.stringify({ id, token: renewed }),
          signal: leaving.signal,
        });
      return response.text();
    })
    .catch(() => undefined);
  await pause(lasts);
  if (end === 'revoked') await revoke();
  if (end === 'by itself' || end === 'revoked') await Promise.race([ended, pause(15)]);
  leaving.abort();
  await ended;
}

const nothing = { websocket: 0, sse: 0, subscriptions: 0, groups: 0, sources: 0 };

test('however connections live and end, nothing of them stays counted, and their users have all room again', async () => {
  await using r = await gauged();
  await fc.assert(
    fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 12 }), async (many) => {
      await Promise.all(many.map((one) => live(r, one)));
      await eventually('nothing is left', () => expect(r.now).toEqual(nothing), { within: 3_000, every: 2 });
    }),
    { numRuns: 80, endOnFailure: true },
  );
  for (const sub of ['ada', 'grace']) await fills(r, sub);
});

test('nor does anything where the replica retires in the midst of it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(life, { minLength: 6, maxLength: 12 }), fc.nat({ max: 25 }), async (many, after) => {
      await using r = await gauged();
      const living = Promise.all(many.map((one) => live(r, one)));
      await pause(after);
      await Promise.all([living, r.retire()]);
      await eventually('nothing is left', () => expect(r.now).toEqual(nothing), { within: 3_000, every: 2 });
    }),
    { numRuns: 20, endOnFailure: true },
  );
});

const authority = certificateAuthority();
afterAll(() => authority[Symbol.dispose]());

test('nor does anything of streams of HTTP/2, reset or with their connection gone', async () => {
  await using r = await gauged({ tls: authority.issue('gateway') });
  await fc.assert(
    fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 12 }), fc.boolean(), async (many, breaks) => {
      await using client = http2(r.url, authority.ca);
      await once(client.session, 'connect');
      const streams = many.map(async ({ user, token, asks, lasts, end }) => {
        const signed = user && (await tokenFor({ sub: user, ...token }));
        const path = `/graphql/stream?${new URLSearchParams({ query: operations[asks[0] as number] as string })}`;
        const authorization = signed ? { authorization: `Bearer ${signed}` } : {};
        if (client.session.destroyed) return;
        const stream = client.session.request({ ':path': path, accept: 'text/event-stream', ...authorization });
        stream.on('error', () => undefined).resume();
        // Not by `once`, which rejects at an error: a connection that breaks may end its streams with one.
        const over = new Promise((resolve) => stream.on('close', resolve));
        await pause(lasts);
        if (end === 'by itself') await Promise.race([over, pause(15)]);
        stream.close(constants.NGHTTP2_CANCEL);
        await over;
      });
      if (breaks) setTimeout(() => client.session.destroy(), many[0]?.lasts);
      await Promise.all(streams);
      await eventually('nothing is left', () => expect(r.now).toEqual(nothing), { within: 3_000, every: 2 });
    }),
    { numRuns: 40, endOnFailure: true },
  );
});

/** Each of as many connections as this user may have has one subscription, and no more. */
async function fills(r: River, sub: string): Promise<void> {
  const authorization = `Bearer ${await tokenFor({ sub })}`;
  const sockets = Array.from({ length: most }, () => socket(r.wsUrl));
  try {
    for (const one of sockets) {
      await one.init({ authorization });
      await one.subscribe('1', { query: operations[0] });
      await one.message('ping');
    }
    const [first] = sockets as [(typeof sockets)[number]];
    await first.subscribe('2', { query: operations[0] });
    expect((await first.message('error', '2')).payload[0].extensions.limit).toBe('subscriptionsPerUser');
    await using more = socket(r.wsUrl);
    await more.send({ type: 'connection_init', payload: { authorization } });
    expect((await more.closed).code).toBe(1013);
  } finally {
    for (const one of sockets) await one[Symbol.asyncDispose]();
  }
}
