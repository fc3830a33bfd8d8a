import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { Resuming } from '../../src/client/index.js';
import { eventually } from '../support/eventually.js';
import { type Result, tokenFor } from '../support/river.js';
import { pay, sampleRiver, subscribed } from '../support/sample.js';
import { graphqlSse, graphqlWs } from './kinds.js';

const mine = 'subscription { transaction { id } }';
const idsOf = (results: Result[]): number[] => results.map(({ data }) => Number(data.transaction.id));

/** A line that passes on what the client asks, and from a moment on loses whatever is the answer, until it is cut. */
async function line(to: { url: string }) {
  const open = new Set<Socket>();
  let mute = false;
  const listener = createServer((client) => {
    const server = connect(Number(new URL(to.url).port), '127.0.0.1');
    client.pipe(server);
    server.on('data', (bytes) => mute || client.write(bytes));
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      open.add(one);
      one.on('error', () => one.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    mute = false;
    for (const socket of open) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}/graphql`,
    mute() {
      mute = true;
    },
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

type Given = Resuming & { url: string; token: () => Promise<string> };

/** Each is given a line that goes silent once the client has all that it needs to subscribe. */
const kinds: [string, (given: Given, silence: () => void) => ReturnType<typeof graphqlSse | typeof graphqlWs>][] = [
  ['graphql-ws', (given, silence) => graphqlWs(given, { on: { connected: silence } })],
  [
    'graphql-sse',
    (given, silence) =>
      graphqlSse(given, {
        fetchFn(url, init) {
          silence();
          return fetch(url, init);
        },
      }),
  ],
];

describe.each(kinds)(
  '%s, cut off when the server has the operation and the client has no word of it,',
  (_, connected) => {
    /** A client whose first connection is cut exactly there, while event 2 is on its way. */
    async function cutThere(extensions: (before: string) => object) {
      const r = await sampleRiver({ heartbeat: 50 });
      const wire = await line(r);
      const token = await tokenFor({ sub: 'ada' });
      const cursors: string[] = [];
      await using before = graphqlWs({
        url: r.url,
        token: async () => token,
        onReady: (cursor) => void cursors.push(cursor),
      });
      before.listen(mine);
      const cursor = await eventually('a cursor from before', () => cursors[0] ?? null);
      await before[Symbol.asyncDispose]();
      await subscribed(r, 0);
      await pay(r, 'ada', 1);

      let connections = 0;
      const ready: string[] = [];
      const client = connected(
        { url: wire.url, token: async () => token, onReady: (cursor) => void ready.push(cursor) },
        () => connections++ === 0 && wire.mute(),
      );
      const heard = client.listen(mine, { extensions: extensions(cursor) });
      await subscribed(r, 1);
      await pay(r, 'ada', 2);
      expect([heard.results, ready]).toEqual([[], []]);
      wire.cut();
      await eventually('it is ready', () => ready.length > 0);
      await subscribed(r, 1);
      await pay(r, 'ada', 3);
      return {
        ...heard,
        ready,
        async [Symbol.asyncDispose]() {
          for (const each of [client, wire, r]) await each[Symbol.asyncDispose]();
        },
      };
    }

    test('begins anew where it began at now, once, and misses nothing from there on', async () => {
      await using page = await cutThere(() => ({}));
      await eventually('what is new', () => page.results.length > 0);
      expect([idsOf(page.results), page.ready.length, page.ends]).toEqual([[3], 1, []]);
    });

    test('begins again at the cursor that its user gave: nothing is lost, nothing comes twice', async () => {
      await using page = await cutThere((after) => ({ after }));
      await eventually('all since the cursor', () => page.results.length >= 3);
      expect([idsOf(page.results), page.ready.length, page.ends]).toEqual([[1, 2, 3], 1, []]);
    });
  },
);
