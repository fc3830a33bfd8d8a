import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { query, upTo } from '../support/cards.js';
import { events } from '../support/clients/stream.js';
import { viewers } from '../support/clients/viewers.js';
import { eventually } from '../support/eventually.js';
import { opened } from '../support/opened.js';
import { listen, listenSse, tokenFor } from '../support/river.js';
import { behindProxies } from '../support/servers/behind-proxies.js';
import type { ProxyServer } from '../support/servers/proxies.js';

// Clients of these tests speak TLS to certificates of the test's own.
vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
// By the defaults of a gateway: a heartbeat every 12 s, idle connections kept for 75 s.
const world = await behindProxies();
const { proxies, cards } = world;
afterAll(() => world[Symbol.asyncDispose]());

/** Statuses of queries that are sent so many milliseconds apart. A client of Node keeps no connection for so long: the proxy's own to the gateway are meant. */
const posts = (url: string, count: number, apart: number) =>
  Promise.all(
    upTo(count).map(async (n) => {
      await pause(n * apart);
      const body = '{"query":"{ __typename }"}';
      const { status } = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      return status;
    }),
  );

const all = (count: number) => upTo(count).map(() => 200);

describe.concurrent.each(proxies)('behind $name', (proxy: ProxyServer) => {
  test('after 130 s without an event every stream is the same one, and has the next', async () => {
    const sub = `idle-${proxy.name}`;
    const token = await tokenFor({ sub });
    await using scope = opened();
    const clock = scope.use(await events(`${proxy.url}/stream`, { query }, token));
    const socket = scope.use(listen(proxy.wsUrl, query, { token }));
    const stream = scope.use(listenSse(`${proxy.url}/stream`, query, { token }));
    const ends: unknown[] = [];
    for (const { ended } of [socket, stream]) void ended.then((how) => ends.push(how));
    const heard: unknown[] = [];
    const natives = await Promise.all(
      (['EventSource with a ticket', 'EventSource with a cookie'] as const).map(async (way) => {
        const hearing = {
          result: (r: unknown) => heard.push(r),
          gap: (r: unknown) => ends.push(r),
          ended: (r: unknown) => ends.push(r),
        };
        const viewer = await viewers[way]?.(proxy, token, query, hearing);
        scope.defer(() => viewer?.close());
        return viewer;
      }),
    );
    await eventually('the heartbeats of 130 s have come', () => clock.heartbeats() > 11, { within: 160_000 });
    await cards.append(1, sub);
    await eventually(
      'all have the event',
      () => socket.results.length + stream.results.length + clock.results.length + heard.length === 5,
    );
    expect([ends, natives.map((viewer) => viewer?.reconnects())]).toEqual([[], [0, 0]]);
  }, 180_000);

  test('of 180 queries none fails, whether a connection to a gateway is about to be given up by the proxy or by the gateway', async () => {
    expect(await posts(proxy.url, 60, 0)).toEqual(all(60));
    // From a second before to two after: the proxies' own 60 s, and then the 75 s of the gateway.
    await pause(59_000);
    expect(await posts(proxy.url, 60, 50)).toEqual(all(60));
    await pause(71_000);
    expect(await posts(proxy.url, 60, 50)).toEqual(all(60));
  }, 180_000);
});
