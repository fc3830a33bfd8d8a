import { afterAll, describe, expect, test, vi } from 'vitest';
import { query, upTo } from '../support/cards.js';
import { http2 } from '../support/clients/http2.js';
import { answersTo } from '../support/clients/page.js';
import { events } from '../support/clients/stream.js';
import { viewers } from '../support/clients/viewers.js';
import { eventually } from '../support/eventually.js';
import { opened } from '../support/opened.js';
import { tokenFor } from '../support/river.js';
import { addressTold, behindProxies } from '../support/servers/behind-proxies.js';

// Clients of these tests speak TLS to certificates of the test's own.
vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
const world = await behindProxies({ TAILRACE_HEARTBEAT: '1s', TAILRACE_RETIRE_PERIOD: '3s' });
const { gateways, proxies, cards, audit } = world;
afterAll(() => world[Symbol.asyncDispose]());

const foreign = 'https://elsewhere.example';

describe.concurrent.each(proxies)('behind $name', (proxy) => {
  test('a page of the same origin posts, gets a ticket and opens a WebSocket, and one of another is refused', async () => {
    expect(await answersTo(proxy.origin, proxy.url)).toEqual([200, 201, 101]);
    expect(await answersTo(foreign, proxy.url)).toEqual([403, 403, 403]);
    expect(await answersTo(proxy.origin.replace('https', 'http'), proxy.url)).toEqual([403, 403, 403]);
  });

  test('tokens are renewed through whichever replica the proxy asks', async () => {
    const sub = `renewed-${proxy.name}`;
    await using scope = opened();
    const streams: Awaited<ReturnType<typeof events>>[] = [];
    for (let n = 0; n < 6; n++) {
      streams.push(scope.use(await events(`${proxy.url}/stream`, { query }, await tokenFor({ sub }))));
    }
    // Of 24 that are asked at once some lead to a replica that has the stream not, wherever each was opened.
    for (let round = 0; round < 4; round++) {
      const renewed = await Promise.all(streams.map(async ({ renew }) => renew(await tokenFor({ sub }), proxy.url)));
      expect(renewed).toEqual(streams.map(() => ({ status: 200, body: { ok: true } })));
    }
    await cards.append(1, sub);
    await eventually('they go on', () => streams.every(({ results }) => results.length === 1));
  });

  test('the address that counts is the client’s, whatever it says itself', async () => {
    expect(await addressTold(world, proxy, `address-${proxy.name}`)).toBe('127.0.0.2');
  });
});

// Apache would run six of them, and hang at the seventh: its file leaves HTTP/2 off.
describe.concurrent.each(proxies.filter(({ name }) => name !== 'Apache'))('behind $name', (proxy) => {
  test('over one connection of HTTP/2 a hundred and twenty streams run at once', async () => {
    await using client = http2(proxy.url, world.ca);
    const subs = upTo(120).map((n) => `h2-${proxy.name}-${n % 2}`);
    const streams = await Promise.all(
      subs.map(async (sub) => client.events(query, { authorization: `Bearer ${await tokenFor({ sub })}` })),
    );
    expect(streams.map(({ status }) => status)).toEqual(subs.map(() => 200));
    for (const sub of new Set(subs)) await cards.append(1, sub);
    await eventually('each has its event', () => streams.every((stream) => stream.results().length === 1));
  });
});

/** Ada, in all ways at once behind all proxies. */
async function audience(sub: string) {
  const token = await tokenFor({ sub });
  const pages = proxies.flatMap((proxy) => Object.entries(viewers).map(([way, view]) => ({ proxy, way, view })));
  const seats = await Promise.all(
    pages.map(async ({ proxy, way, view }) => {
      const heard: number[] = [];
      const wrong: unknown[] = [];
      const viewer = await view(proxy, token, query, {
        result: ({ data, errors }) => (errors ? wrong.push(errors) : heard.push(data.card.n)),
        gap: (reason) => wrong.push(reason),
        ended: (how) => wrong.push(how),
      });
      return { who: `${way} behind ${proxy.name}`, heard, wrong, ...viewer };
    }),
  );
  return {
    seats,
    async [Symbol.asyncDispose]() {
      for (const { close } of seats) close();
    },
  };
}

test('one gateway is killed, it comes back, and the other one retires: nobody lacks an event or is shown one twice', async () => {
  const sub = 'deployed';
  await using all = await audience(sub);
  const { seats } = all;
  const subscribed = () => audit(sub).filter(({ event }) => event === 'subscribed');
  await eventually('all are connected', () => subscribed().length === seats.length);
  const told: number[] = [];
  const append = async () => {
    told.push(cards.end);
    await cards.append(1, sub);
  };
  const everybody = async (when: string) => {
    await append();
    await eventually(
      `all have all, ${when}`,
      () => {
        for (const { who, heard, wrong } of seats) expect([who, wrong, heard]).toEqual([who, [], told]);
      },
      { within: 40_000 },
    );
  };
  await everybody('at first');
  const [one, other] = gateways;
  await Promise.all([one.end('SIGKILL'), append(), append()]);
  // A native EventSource stays closed for ever after such an answer.
  for (const { name, url } of proxies) {
    const read = () => fetch(`${url}?query={__typename}`).then(({ status }) => status);
    expect([name, await Promise.all(upTo(60).map(read))]).toEqual([name, upTo(60).map(() => 200)]);
  }
  await everybody('after one was killed');
  expect(seats.some(({ reconnects }) => reconnects() > 0)).toBe(true);
  await one.start();
  const retired = other.end('SIGTERM');
  let over = false;
  void retired.then(() => {
    over = true;
  });
  await eventually(
    'it has retired',
    async () => {
      await append();
      return over;
    },
    { every: 100, within: 30_000 },
  );
  await everybody('after the other one has gone');
  expect(seats.filter(({ reconnects }) => reconnects() > 0).map(({ who }) => who)).toEqual(seats.map(({ who }) => who));
  await other.start();
  await everybody('with both again');
});
