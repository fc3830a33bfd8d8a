import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { originOf } from '../../src/event/origin.js';
import type { Publication } from '../../src/event/publication.js';
import { defaultCluster, type KafkaRecord } from '../../src/event/source-event.js';
import { connectRedis } from '../../src/log/redis-connection.js';
import { createRedisLogReader } from '../../src/log/redis-reader.js';
import { createRedisLogWriter } from '../../src/log/redis-writer.js';
import { silent } from '../../src/observe/logger.js';
import { routingOf } from '../../src/relay/route.js';
import { compileSchema } from '../../src/schema/compile.js';
import { RevocationList } from '../../src/serve/identity/revocation.js';
import { redisRevocations } from '../../src/serve/identity/revocation-store.js';
import { redisTickets, ticketOffice } from '../../src/serve/identity/tickets.js';
import { redisReplicas } from '../../src/serve/replicas/replicas.js';
import type { Told } from '../../src/serve/replicas/told.js';
import { nastyName } from '../support/names.js';
import '../support/properties.js';
import { entriesOf } from '../support/relay/entries.js';
import { eventually, freshPrefix, redisUrl } from '../support/servers/services.js';

/** What users choose, in a real Redis: as keys, channels, members, messages and arguments of scripts. */
const sdl = `
  type Subscription {
    mine: Note! @kafka(topic: "notes") @where(rule: "event.id == claims.sub")
    both: Note! @kafka(topic: "notes") @where(rule: "event.id == claims.sub && event.room == claims.room")
  }
  type Note { id: ID room: String seq: Int }`;
const { schema } = compileSchema(sdl, { retention: { retain: 600_000, max: 1_000 } });
const plan = schema?.topics.in(defaultCluster).get('notes');
if (!schema || !plan) throw new Error('a schema');

const prefix = freshPrefix();
const opened: Redis[] = [];
const connect = (role: string) => {
  const redis = connectRedis(redisUrl(), `names-${role}`, silent);
  opened.push(redis);
  return redis;
};
const ready = async (role: string) => {
  const redis = connect(role);
  await new Promise((resolve) => redis.once('ready', resolve));
  return redis;
};
let redis: Redis;
beforeAll(async () => {
  redis = await ready('all');
});
afterAll(async () => {
  const keys = await redis.keys(`${prefix}*`);
  if (keys.length > 0) await redis.del(...keys);
  for (const one of opened) one.disconnect();
});

const seqOf = ({ source }: Publication) => (source.event as { seq: number }).seq;
const sorted = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);

test('each value has a history and a channel of its own, and no key is anything but a key of ours', async () => {
  const writer = createRedisLogWriter(await ready('write'), { prefix });
  const reader = createRedisLogReader(await ready('read'), () => connect('tail'), { prefix });
  const heard: Publication[] = [];
  const tail = await reader.tail({
    commit: ({ publications }) => void heard.push(...publications),
    interrupted: () => {},
    restored: () => {},
  });
  const source = { cluster: 'c', topic: 'notes', partition: 0 };
  let [offset, first] = [0, true];

  async function write(id: string, room: string): Promise<number> {
    const value = Buffer.from(JSON.stringify({ id, room, seq: offset }));
    const headers = { [id]: room };
    const record: KafkaRecord = { ...source, offset, timestamp: 0, key: Buffer.from(id), headers, value };
    if (!plan || !schema) throw new Error('an event');
    const { epoch } = await writer.partition(source);
    const entries = entriesOf(record, routingOf(plan, originOf(source, null)));
    const append = { source, epoch, base: offset, next: offset + 1, first, last: null, entries, gap: null };
    const answer = await writer.append({ ...append, routes: [], fingerprint: schema.fingerprint });
    expect(answer).toMatchObject({ kind: 'appended', appended: 1 });
    first = false;
    return offset++;
  }

  const written = new Map<string, number[]>();
  const know = (name: string, seq: number) => written.set(name, [...(written.get(name) ?? []), seq]);
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(nastyName, { minLength: 2, maxLength: 4 }), nastyName, async (names, room) => {
      const channels = names.map((sub) => ({
        mine: schema.fields.get('mine')?.channels({}, { sub }) ?? [],
        both: schema.fields.get('both')?.channels({}, { sub, room }) ?? [],
      }));
      const listened = channels.slice(1).flatMap(({ mine }) => mine);
      await tail.listen(listened);
      heard.length = 0;
      const own: number[] = [];
      for (const name of names) {
        const seq = await write(name, room);
        own.push(seq);
        know(JSON.stringify([name]), seq);
        know(JSON.stringify([name, room]), seq);
      }
      for (const [at, { mine, both }] of channels.entries()) {
        const read = async ([channel]: typeof mine) =>
          (await reader.newest(channel as never, 0, 1_000)).publications.map(seqOf);
        expect(await read(mine)).toEqual(written.get(JSON.stringify([names[at]])));
        expect(await read(both)).toEqual(written.get(JSON.stringify([names[at], room])));
      }
      await eventually('what is listened to', () => heard.length >= own.length - 1);
      expect(sorted(heard.map(seqOf))).toEqual(own.slice(1));
      tail.leave(listened);
    }),
    { numRuns: 120 },
  );
  const keys = await redis.keys(`${prefix}*`);
  expect(keys.length).toBeGreaterThan(200);
  const ours = /^\{s0\}:(meta|canary|c:[\w-]{11}(:[\w.%~-]*){1,2})$/;
  expect(keys.map((key) => key.slice(prefix.length + 1)).filter((key) => !ours.test(key))).toEqual([]);
  await tail.close();
  await writer.close();
  await reader.close();
});

test('claims that are revoked, tickets and tokens come out of Redis as they went in', async () => {
  const own = `${prefix}-desk`;
  const store = redisRevocations(redis, own);
  const office = ticketOffice(redisTickets(redis, own));
  const replicas = redisReplicas(redis, connect('listen'), own, silent);
  const told: Told[] = [];
  replicas.hear((one) => void told.push(one));
  await new Promise<void>((resolve) => replicas.onJoined(resolve));
  const entries = fc.array(fc.tuple(nastyName, nastyName), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(entries, nastyName, async (named, name) => {
      const claims = Object.fromEntries(named);
      const { at } = await store.add(claims, 60_000);
      const { revocations } = await store.since(0);
      expect(revocations).toContainEqual({ claims, at });
      const list = new RevocationList();
      list.add({ claims, at });
      expect(list.has({ ...claims, iat: at })).toBe(true);
      const [first] = Object.keys(claims) as [string];
      expect(list.has({ ...claims, iat: at, [first]: `${claims[first]}!` })).toBe(false);

      const ticket = await office.issue(name, null);
      expect(await office.redeem(name, true, 's')).toBeNull();
      const redeemed = await office.redeem(ticket, false, name);
      expect(redeemed?.token).toBe(name);
      expect(await redeemed?.holds()).toBe(true);

      const message: Told = { kind: 'renew', request: name, stream: named[0]?.[0] as string, token: name };
      told.length = 0;
      await replicas.tell(message);
      await eventually('the message', () => told.length > 0);
      expect(told).toEqual([message]);
    }),
    { numRuns: 100 },
  );
  const keys = (await redis.keys(`${own}*`)).map((key) => key.slice(own.length));
  expect(keys.filter((key) => !/^:(revocations|ticket:used:[\w-]{43})$/.test(key))).toEqual([]);
  replicas.close();
});
