import { describe, expect, test } from 'vitest';
import type { Position } from '../../src/event/position.js';
import { connectRedis } from '../../src/log/redis-connection.js';
import { redisKeys } from '../../src/log/redis-keys.js';
import { createRedisLogReader } from '../../src/log/redis-reader.js';
import { createRedisLogWriter } from '../../src/log/redis-writer.js';
import { silent } from '../../src/observe/logger.js';
import { alice, batch, contract, entry, source } from '../log/contract.js';
import { eventually, freshPrefix, redisUrl, startRedis } from '../support/servers/services.js';

async function connected(url: string, name: string, prefix: string, shards = 1) {
  const open = (role: string) => connectRedis(url, `${name}-${role}`, silent);
  const [write, read] = [open('write'), open('read')];
  await Promise.all([write, read].map((redis) => new Promise((resolve) => redis.once('ready', resolve))));
  const writer = createRedisLogWriter(write, { prefix, shards });
  const reader = createRedisLogReader(read, () => open('tail'), { prefix, shards });
  return {
    writer,
    reader,
    redis: write,
    async close() {
      await writer.close();
      await reader.close();
    },
  };
}

describe('the log in Redis', () => {
  contract((shards) => connected(redisUrl(), 'contract', freshPrefix(), shards));

  test('an entry that is none of ours is let go, and no append beside it is left half done', async () => {
    await using server = await startRedis();
    const log = await connected(server.url, 'foreign', 'p');
    const { epoch } = await log.writer.partition(source);
    await log.writer.append(batch(epoch, 0, [entry(0)]));
    const [channel] = await log.redis.keys('*:c:*');
    await log.redis.lpush(channel as string, '2 of a version to come');
    for (let n = 1; n < 12; n++) {
      expect(await log.writer.append(batch(epoch, n, [entry(n)]))).toMatchObject({ kind: 'appended', appended: 1 });
    }
    const { publications } = await log.reader.read(entry(0).channels[0]?.channel as never, 0, 0, 100);
    expect(publications.map((p) => p.source.record.offset)).toEqual(Array.from({ length: 12 }, (_, n) => n));
    await log.close();
  });

  test('an older copy of the log is given another epoch by whoever knows more of it, and by a doubt', async () => {
    await using server = await startRedis();
    const log = await connected(server.url, 'knows', 'p');
    const { meta } = redisKeys('p');
    const first = (await log.writer.partition(source)).epoch;
    for (const n of [0, 1, 2]) await log.writer.append(batch(first, n, [entry(n)]));
    const older = () => log.redis.hset(meta(0), { epoch: first, number: 1, 'w:c1:cards:0': '1' });
    // By the number that it was told.
    await older();
    expect(await log.writer.append(batch(first, 1, [entry(1)]))).toMatchObject({ kind: 'other-epoch' });
    const second = (await log.writer.partition(source)).epoch;
    expect(second).not.toBe(first);
    // By an epoch that it has seen the log leave.
    await older();
    const third = (await log.writer.partition(source)).epoch;
    expect([first, second]).not.toContain(third);
    // By a gateway, where nobody else knows.
    const other = await connected(server.url, 'new', 'p');
    expect((await other.writer.partition(source)).epoch).toBe(third);
    const far = Date.now() + 3_600_000;
    await log.reader.doubt({ shard: 0, epoch: third, number: 9, time: far }, false);
    const fourth = await other.writer.partition(source);
    expect(fourth.epoch).not.toBe(third);
    expect((await log.reader.heads()).now[0]).toBeGreaterThanOrEqual(far);
    expect((await other.writer.partition(source)).epoch).toBe(fourth.epoch);
    await other.close();
    await log.close();
  });

  test('a doubt is left for the relays, for a minute, and never on a replica', async () => {
    await using server = await startRedis();
    const log = await connected(server.url, 'doubt', 'p');
    const { doubt } = redisKeys('p');
    const known = { shard: 0, epoch: 'abc', number: 17, time: 1 };
    await log.reader.doubt(known, false);
    expect(await log.redis.get(doubt(0))).toBe('abc 17 1');
    await log.reader.doubt(known, true);
    expect(await log.redis.get(doubt(0))).toBe('abc * 1');
    expect(await log.redis.pttl(doubt(0))).toBeGreaterThan(50_000);
    await log.redis.replicaof('127.0.0.1', '1');
    await log.reader.doubt({ ...known, number: 18 }, false);
    expect(await log.redis.get(doubt(0))).toBe('abc * 1');
    await log.close();
  });

  test('its marks outlive every retention: who resumes after days is told too', async () => {
    await using server = await startRedis();
    const log = await connected(server.url, 'marks', 'p');
    const { gaps } = redisKeys('p');
    const { epoch } = await log.writer.partition(source);
    await log.writer.append(batch(epoch, 0, [entry(0)], { gap: { reason: 'SOURCE_LOST', missed: 1 } }));
    expect(await log.redis.pttl(gaps(0))).toBe(-1);
    const history = { topicId: 'other', epochs: [] };
    const gap = { reason: 'TOPIC_RECREATED' as const, missed: null };
    await log.writer.renew({ source, epoch, watermark: 1, next: 0, history, gap, fingerprint: 'fp' });
    expect([await log.redis.llen(gaps(0)), await log.redis.pttl(gaps(0))]).toEqual([2, -1]);
    await log.close();
  });

  test('what has a number that was given out before is read by its time', async () => {
    await using server = await startRedis();
    const log = await connected(server.url, 'again', 'p');
    const { epoch } = await log.writer.partition(source);
    for (const n of [0, 1, 2, 3]) await log.writer.append(batch(epoch, n, [entry(n)]));
    const [{ number, time }] = (await log.reader.heads()).heads as [Position];
    // As if it had gone back to an older copy of itself.
    const { meta, channel } = redisKeys('p');
    await log.redis.ltrim(channel(0, alice), 0, 1);
    await log.redis.hset(meta(0), { number: 2, 'w:c1:cards:0': '2' });
    await eventually('a later moment', async () => ((await log.reader.heads()).now[0] as number) > time);
    // By a relay that knows less; the one that knows refuses.
    expect(await log.writer.append(batch(epoch, 2, [entry(2)]))).toMatchObject({ kind: 'other-epoch' });
    const other = await connected(server.url, 'less', 'p');
    await other.writer.append(batch(epoch, 2, [entry(2), entry(3), entry(4)]));
    const read = async (after: number, since?: number) =>
      (await log.reader.read(alice, 0, after, 10, since)).publications.map(({ position }) => position.number);
    expect(await read(number)).toEqual([5]);
    expect(await read(number, time)).toEqual([3, 4, 5]);
    expect(await read(number, Date.now() + 60_000)).toEqual([5]);
    await other.close();
    await log.close();
  });

  test('what is read at once is bounded by its length, so that slow readers hold little of it', async () => {
    const log = await connected(redisUrl(), 'long', freshPrefix());
    const { epoch } = await log.writer.partition(source);
    const payload = JSON.stringify('x'.repeat(50_000));
    const entries = Array.from({ length: 60 }, (_, offset) => entry(offset, undefined, { payload }));
    await log.writer.append(batch(epoch, 0, entries));
    const { publications, more } = await log.reader.read(entry(0).channels[0]?.channel as never, 0, 0, 1_000);
    expect(publications.length).toBeLessThan(30);
    expect(more).toBe(true);
    await log.close();
  });

  test('whichever command is refused, nothing is written, and the retry writes everything once', async () => {
    await using server = await startRedis();
    const commands = ['hmget', 'hset', 'lindex', 'rpush', 'ltrim', 'pexpire', 'publish', 'time', 'type'];
    const admin = connectRedis(server.url, 'admin', silent);
    await new Promise((resolve) => admin.once('ready', resolve));
    await admin.call('ACL', 'SETUSER', 'relay', 'on', '>pw', '~*', '&*', '+@all');
    const log = await connected(server.url.replace('redis://', 'redis://relay:pw@'), 'acl', 'p');
    const { epoch } = await log.writer.partition(source);
    await log.writer.append(batch(epoch, 0, [entry(0)]));
    const content = async () => {
      const keys = (await admin.keys('*')).sort();
      return Promise.all(keys.map(async (key) => [key, await admin.dumpBuffer(key)]));
    };
    for (const [at, command] of commands.entries()) {
      const gap = { reason: 'SOURCE_LOST' as const, missed: 1 };
      const next = batch(epoch, at + 1, [entry(at + 1)], { gap });
      const before = await content();
      await admin.call('ACL', 'SETUSER', 'relay', `-${command}`);
      await expect(log.writer.append(next), command).rejects.toThrow(/NOPERM|can.t run this command/);
      expect(await content(), command).toEqual(before);
      await admin.call('ACL', 'SETUSER', 'relay', `+${command}`);
      expect(await log.writer.append(next)).toMatchObject({ kind: 'appended', appended: 1 });
    }
    const { publications } = await log.reader.read(entry(0).channels[0]?.channel as never, 0, 0, 100);
    expect(publications.map((p) => p.source.record.offset)).toEqual([0, ...commands.map((_, at) => at + 1)]);
    await admin.call('ACL', 'SETUSER', 'relay', 'resetchannels', '&other*');
    await expect(log.writer.append(batch(epoch, 10, [entry(10)]))).rejects.toThrow(/PUBLISH/);
    expect((await log.writer.partition(source)).watermark).toBe(10);
    admin.disconnect();
    await log.close();
  });
});
