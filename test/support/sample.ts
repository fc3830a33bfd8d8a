import { readFileSync } from 'node:fs';
import type { Resolvers } from '../../src/graphql/executable.js';
import { eventually } from './eventually.js';
import { type River, river } from './river.js';

const { resolvers } = (await import('../../resolvers.mjs' as string)) as { resolvers: Resolvers };

/** The river of the sample schema with its resolvers, as `tailrace dev` serves it. */
export const sampleRiver = (parts: Parameters<typeof river>[1] = {}): Promise<River> =>
  river(readFileSync('schema.graphql', 'utf8'), { resolvers, ...parts });

/** A card transaction of a user; `changes` may make it one that does not fit its type. */
export const payment = (userId: string, id: number, changes: object = {}) => ({
  id: String(id),
  userId,
  amount: 10 * id,
  currency: 'EUR',
  merchant: { name: 'Corner Café', category: 'coffee', city: 'Ghent' },
  status: 'SETTLED',
  cardNumber: '4111 1111 1111 1234',
  createdAt: '2026-11-21T00:00:00Z',
  ...changes,
});

/** One record of the transit feed: these vehicles, all at the same latitude. */
export const positions = (lat: number, ...ids: string[]) => ({
  header: { gtfsRealtimeVersion: '2.0' },
  entity: ids.map((id) => ({
    id,
    vehicle: {
      vehicle: { label: id },
      trip: { routeId: '6' },
      position: { latitude: lat, longitude: 3.7 },
      timestamp: 1_795_000_000,
    },
  })),
});

export const payments = 'card-transactions';
export const fleet = 'vehicle-positions';

export async function pay(r: River, userId: string, ...ids: number[]): Promise<void> {
  for (const id of ids) await r.publish(payments, payment(userId, id));
}

export const subscribed = (r: River, count: number): Promise<true> =>
  eventually(`${count} subscriptions have started`, () => r.subscribed() === count) as Promise<true>;

/** The numbers of the first so many payments, which begin with 1. */
export const paymentsUpTo = (last: number): number[] => Array.from({ length: last }, (_, at) => at + 1);
