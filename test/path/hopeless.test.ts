import { expect, test } from 'vitest';
import { hopelessTeller } from '../../src/graphql/hopeless.js';
import { type Logger, silent } from '../../src/observe/logger.js';
import { noGatewayMetrics } from '../../src/observe/metrics.js';
import { eventually } from '../support/eventually.js';
import { listen, listenSse, river, tokenFor } from '../support/river.js';

const sdl = `
  type Subscription {
    mine: Note! @kafka(topic: "notes") @where(rule: "event.owner == claims.sub")
    notBlocked: Note! @kafka(topic: "notes") @where(rule: "!(event.owner in claims.blocked)")
    room(id: ID): Note! @kafka(topic: "notes") @where(rule: "event.room == args.id") @public
    all: Note! @kafka(topic: "notes") @public
  }
  type Note { id: ID! owner: ID room: ID }`;

async function watched() {
  const counted: string[] = [];
  const told: object[] = [];
  const logger: Logger = { ...silent, warn: (fields) => void told.push(fields) };
  const metrics = {
    ...noGatewayMetrics,
    hopeless: (field: string, lacks: string) => void counted.push(`${field}: ${lacks}`),
  };
  return Object.assign(await river(sdl, { metrics, logger }), { counted, told });
}

test('a subscription that can never show anything is counted, and its cause told once, on every transport', async () => {
  await using r = await watched();
  const token = await tokenFor({ role: 'clerk' });
  const mine = 'subscription { mine { id } }';
  await using one = listen(r.wsUrl, mine, { token });
  await using two = listenSse(r.url, mine, { token });
  await using three = listenSse(r.url, 'subscription { notBlocked { id } }', { token });
  await using four = listen(r.wsUrl, 'subscription { room { id } }');
  await eventually('all are counted', () => r.counted.length === 4);
  expect(r.counted.toSorted()).toEqual([
    'mine: claims.sub',
    'mine: claims.sub',
    'notBlocked: claims.blocked',
    'room: args.id',
  ]);
  expect(r.told.length).toBe(3);
  expect(r.told).toContainEqual({ field: 'mine', lacks: ['claims.sub'] });
  await r.publish('notes', { id: 1, owner: 'ada', room: 'a' });
  for (const { results } of [one, two, three, four]) expect(results).toEqual([]);
});

test('one that may show something is not, though nothing has come to it', async () => {
  await using r = await watched();
  const token = await tokenFor({ sub: 'ada', blocked: [] });
  await using mine = listen(r.wsUrl, 'subscription { mine { id } }', { token });
  await using notBlocked = listenSse(r.url, 'subscription { notBlocked { id } }', { token });
  await using room = listen(r.wsUrl, 'subscription { room(id: "a") { id } }');
  await using all = listen(r.wsUrl, 'subscription { all { id } }');
  const listening = [mine, notBlocked, room, all];
  await eventually('its event comes to each', async () => {
    await r.publish('notes', { id: 1, owner: 'ada', room: 'a' });
    return listening.every(({ results }) => results.length > 0);
  });
  expect([r.counted, r.told]).toEqual([[], []]);
});

test('whatever clients make of it, so many causes are told and no more', () => {
  let lines = 0;
  let counted = 0;
  const tell = hopelessTeller({ hopeless: () => void counted++ }, { ...silent, warn: () => void lines++ });
  for (let n = 0; n < 5_000; n++) tell('mine', [`claims.${n}`]);
  for (let n = 0; n < 5_000; n++) tell('mine', [`claims.${n}`]);
  expect([lines, counted]).toEqual([1_000, 10_000]);
});
