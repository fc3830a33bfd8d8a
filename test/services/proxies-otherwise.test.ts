import { afterAll, describe, expect, test, vi } from 'vitest';
import { query } from '../support/cards.js';
import { answersTo } from '../support/clients/page.js';
import { viewers } from '../support/clients/viewers.js';
import { eventually } from '../support/eventually.js';
import { opened } from '../support/opened.js';
import { type Result, tokenFor } from '../support/river.js';
import { behindProxies } from '../support/servers/behind-proxies.js';

// Clients of these tests speak TLS to certificates of the test's own.
vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
const without = (line: string) => (shown: string) => {
  if (!shown.includes(line)) throw new Error(`the file does not say ${line}`);
  return shown.replace(line, '');
};
/** As they are by default: Host becomes the name of the upstream, or the gateway's own. */
const hostLost = { nginx: without('proxy_set_header Host $http_host;'), Apache: without('ProxyPreserveHost On') };
const world = await behindProxies({ TAILRACE_BASE_PATH: '/live', TAILRACE_HEARTBEAT: '1s' }, hostLost);
const { proxies, cards, audit } = world;
afterAll(() => world[Symbol.asyncDispose]());

describe.concurrent.each(proxies)(
  'behind $name, which changes Host and does not cut the prefix off',
  ({ name, origin }) => {
    const url = `${origin}/live/graphql`;

    test('a page of the same origin is let in, and no other', async () => {
      expect(await answersTo(origin, url)).toEqual([200, 201, 101]);
      expect(await answersTo('https://elsewhere.example', url)).toEqual([403, 403, 403]);
    });

    test('each way to listen is there, and nothing without the prefix', async () => {
      const token = await tokenFor({ sub: name });
      const heard: number[] = [];
      const told: unknown[] = [];
      const note = (how: unknown) => void told.push(how);
      await using scope = opened();
      const ways = Object.values(viewers);
      for (const view of ways) {
        const result = ({ data }: Result) => heard.push(data.card.n);
        scope.defer((await view({ url, origin }, token, query, { result, gap: note, ended: note })).close);
      }
      await eventually(
        'all listen',
        () => audit(name).filter(({ event }) => event === 'subscribed').length === ways.length,
      );
      await cards.append(1, name);
      await eventually('all have the event', () => heard.length === ways.length);
      expect(told).toEqual([]);
      expect((await fetch(`${origin}/graphql`)).status).toBe(404);
    });
  },
);
