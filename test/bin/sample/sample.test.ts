import { expect, test } from 'vitest';
import { seededRandom } from '../../../src/bin/sample/random.js';
import { cardTransactions, sampleUsers } from '../../../src/bin/sample/transactions.js';
import { fleetAt, transitFeed } from '../../../src/bin/sample/transit.js';

const noon = Date.UTC(2026, 10, 21, 12);

test('the same seed gives the same payments', () => {
  const [one, other] = [cardTransactions(seededRandom(7)), cardTransactions(seededRandom(7))];
  for (let i = 0; i < 20; i += 1) expect(one(noon)).toEqual(other(noon));
  expect(one(noon)).not.toEqual(cardTransactions(seededRandom(8))(noon));
});

test('payments are keyed by their user, each user gets some, and no id comes twice', () => {
  const next = cardTransactions(seededRandom(1));
  const records = Array.from({ length: 500 }, () => next(noon));
  const payments = records.map((record) => JSON.parse(record.value));
  expect(records.map((record) => record.key)).toEqual(payments.map((payment) => payment.userId));
  expect(new Set(records.map((record) => record.key))).toEqual(new Set(sampleUsers));
  expect(new Set(payments.map((payment) => payment.id)).size).toBe(500);
  expect(payments.every((payment) => payment.amount > 0 && payment.createdAt === '2026-11-21T12:00:00.000Z')).toBe(
    true,
  );
});

test('everybody pays in each round of five', () => {
  const next = cardTransactions(seededRandom(3));
  for (let round = 0; round < 20; round += 1) {
    const keys = sampleUsers.map(() => next(noon).key);
    expect(new Set(keys)).toEqual(new Set(sampleUsers));
  }
});

test('one record holds more than 150 vehicles in the shape of GTFS Realtime', () => {
  const feed = JSON.parse(transitFeed(noon).value);
  expect(feed.header).toEqual({ gtfsRealtimeVersion: '2.0', incrementality: 'FULL_DATASET', timestamp: noon / 1000 });
  expect(feed.entity.length).toBeGreaterThanOrEqual(150);
  expect(new Set(feed.entity.map((entity: { id: string }) => entity.id)).size).toBe(feed.entity.length);
  expect(feed.entity[0]).toEqual({
    id: 'tram-1-01',
    vehicle: {
      trip: { tripId: expect.stringMatching(/^tram-1-01-\d+$/), routeId: 'tram-1' },
      position: {
        latitude: expect.any(Number),
        longitude: expect.any(Number),
        bearing: expect.any(Number),
        speed: expect.any(Number),
      },
      vehicle: { id: 'tram-1-01', label: 'Tram 1 1' },
      timestamp: noon / 1000,
      currentStatus: expect.stringMatching(/^(INCOMING_AT|STOPPED_AT|IN_TRANSIT_TO)$/),
    },
  });
});

test('vehicles drive: none jumps further in a second than it can go, and most move', () => {
  let moved = 0;
  for (let second = 0; second < 600; second += 1) {
    const [before, after] = [fleetAt(noon + second * 1000), fleetAt(noon + second * 1000 + 1000)];
    after.forEach(({ id, vehicle: { position: there } }, place) => {
      const here = before[place]?.vehicle.position ?? there;
      const north = (there.latitude - here.latitude) * 111_320;
      const east = (there.longitude - here.longitude) * 111_320 * Math.cos((here.latitude * Math.PI) / 180);
      const metres = Math.hypot(north, east);
      expect(metres, id).toBeLessThan(11.5);
      if (metres > 1) moved += 1;
    });
  }
  expect(moved / (600 * fleetAt(noon).length)).toBeGreaterThan(0.7);
});
