import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { listen, listenSse, river, tokenFor } from '../support/river.js';

const sdl = readFileSync('schema.graphql', 'utf8');
const { resolvers } = (await import('../../resolvers.mjs' as string)) as { resolvers: object };
const payment = (userId: string, amount: number, id = `${userId}-${amount}`) => ({
  id,
  userId,
  amount,
  currency: 'EUR',
  merchant: { name: 'Corner Café', category: 'coffee', city: 'Ghent' },
  status: 'SETTLED',
  cardNumber: '4111 1111 1111 1234',
  createdAt: '2026-11-21T00:00:00Z',
});
const mine = 'subscription { transaction { id amount cardNumber } }';

for (const [transport, subscribe] of [
  ['WebSocket', (r: { wsUrl: string }, q: string, o: object) => listen(r.wsUrl, q, o)],
  ['SSE on /graphql', (r: { url: string }, q: string, o: object) => listenSse(r.url, q, o)],
  ['SSE on /graphql/stream', (r: { url: string }, q: string, o: object) => listenSse(`${r.url}/stream`, q, o)],
] as const) {
  describe(transport, () => {
    test('each user gets exactly their own events, in order, with a cursor', async () => {
      await using r = await river(sdl, { resolvers: resolvers as never });
      const subscribed = subscribe as (r: unknown, q: string, o: object) => ReturnType<typeof listen>;
      await using ada = subscribed(r, mine, { token: await tokenFor({ sub: 'ada' }) });
      await using grace = subscribed(r, mine, { token: await tokenFor({ sub: 'grace', roles: ['auditor'] }) });
      await started(r, 2);
      for (let n = 1; n <= 5; n++) {
        await r.publish('card-transactions', payment('ada', n));
        await r.publish('card-transactions', payment('grace', 10 * n));
        await r.publish('card-transactions', payment('alan', 100 * n));
      }
      await eventually('both have theirs', () => ada.results.length >= 5 && grace.results.length >= 5);
      expect(ada.results.map((x) => x.data.transaction.id)).toEqual([1, 2, 3, 4, 5].map((n) => `ada-${n}`));
      expect(grace.results.map((x) => x.data.transaction.id)).toEqual([1, 2, 3, 4, 5].map((n) => `grace-${10 * n}`));
      expect(ada.results[0].data.transaction.cardNumber).toBe('•••• •••• •••• 1234');
      expect(grace.results[0].data.transaction.cardNumber).toBe('4111 1111 1111 1234');
      for (const result of ada.results) expect(result.extensions.cursor).toMatch(/^[\w-]{20,100}$/);
    });
  });
}

/** Subscriptions are counted by the hub's channels: waits until that many are heard. */
async function started(r: Awaited<ReturnType<typeof river>>, count: number) {
  await eventually('subscriptions have started', async () => r.subscribed() >= count);
}
