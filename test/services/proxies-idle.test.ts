import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { query, upTo } from '../support/cards.js';
import { events } from '../support/clients/stream.js';
import { native } from '../support/clients/viewers.js';
import { eventually } from '../support/eventually.js';
import { opened } from '../support/opened.js';
import { listen, listenSse, type Result, tokenFor } from '../support/river.js';
import { behindProxies } from '../support/servers/behind-proxies.js';
import type { ProxyServer } from '../support/servers/proxies.js';

// Clients of these tests speak TLS to certificates of the test's own.
vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
// By the defaults of a gateway: a heartbeat every 12 s, idle connections kept for 75 s. The network is slow, so that a proxy
// hears late of a connection that was given up: what it sends meanwhile is lost.
const world = await behindProxies({}, null, 300);
const { proxies, cards } = world;
afterAll(() => world[Symbol.asyncDispose]());

/** What each proxy did, by its name, so that a failure says whose it is. All of them at once. */
const byName = async <T>(work: (proxy: ProxyServer) => Promise<T>): Promise<Record<string, T>> =>
  Object.fromEntries(await Promise.all(proxies.map(async (proxy) => [proxy.name, await work(proxy)])));

const everywhere = <T>(what: T) => Object.fromEntries(proxies.map(({ name }) => [name, what]));

/** What came over streams that were left alone for 130 s: what ended, who came back, and how many have the next event. */
async function leftAlone(proxy: ProxyServer) {
  const sub = `idle-${proxy.name}`;
  const token = await tokenFor({ sub });
  await using scope = opened();
  const clock = scope.use(await events(`${proxy.url}/stream`, { query }, token));
  const socket = scope.use(listen(proxy.wsUrl, query, { token }));
  const stream = scope.use(listenSse(`${proxy.url}/stream`, query, { token }));
  const ends: unknown[] = [];
  for (const { ended } of [socket, stream]) void ended.then((how) => ends.push(how));
  const heard: Result[] = [];
  const note = (how: unknown) => void ends.push(how);
  const natives = Object.values(native).map((view) =>
    view(proxy, token, query, { result: (result) => heard.push(result), gap: note, ended: note }),
  );
  for (const viewer of await Promise.all(natives)) scope.defer(viewer.close);
  await eventually('the heartbeats of 130 s have come', () => clock.heartbeats() > 11, { within: 160_000 });
  await cards.append(1, sub);
  const have = () => [clock, socket, stream].flatMap(({ results }) => results).length + heard.length;
  await eventually(`all behind ${proxy.name} have the event`, () => have() === 5);
  const reconnects = (await Promise.all(natives)).map((viewer) => viewer.reconnects());
  // A copy: what ends at the end of this scope is no end.
  return { ends: [...ends], reconnects, have: have() };
}

const request = {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: '{"query":"{ __typename }"}',
};

/** Statuses of queries that are sent so many milliseconds apart. It is the proxy that keeps connections: Node's own client does not, for so long. */
function asked({ url }: ProxyServer, count: number, apart: number): Promise<(number | 'no answer')[]> {
  return Promise.all(
    upTo(count).map(async (n) => {
      await pause(n * apart);
      return fetch(url, request).then(
        ({ status }) => status,
        () => 'no answer' as const,
      );
    }),
  );
}

describe.concurrent('behind every proxy', () => {
  test('a client is not told for how long the gateway keeps connections, which are the proxy’s', async () => {
    const told = await byName(async ({ url }) => (await fetch(url, request)).headers.get('keep-alive')?.includes('75'));
    for (const passed of Object.values(told)) expect(passed ?? false, JSON.stringify(told)).toBe(false);
  });

  test('after 130 s without an event each stream is the same one, and has the next', { timeout: 200_000 }, async () => {
    expect(await byName(leftAlone)).toEqual(everywhere({ ends: [], reconnects: [0, 0], have: 5 }));
  });

  test('of 180 queries none fails, around the moments when a kept connection is given up', {
    timeout: 200_000,
  }, async () => {
    const statuses = await byName(async (proxy) => {
      const first = await asked(proxy, 60, 0);
      // The length of a pause is what is tested. From a second before to two after: the 60 s of the proxies, then the 75 s of
      // a gateway.
      await pause(59_000);
      const second = await asked(proxy, 60, 50);
      await pause(71_000);
      return [...first, ...second, ...(await asked(proxy, 60, 50))];
    });
    expect(statuses).toEqual(everywhere(upTo(180).map(() => 200)));
  });
});
