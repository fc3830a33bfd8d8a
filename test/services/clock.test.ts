import { existsSync } from 'node:fs';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { clockedGateway } from '../support/servers/clocked-gateway.js';
import { eventually, startRedis } from '../support/servers/services.js';

const [second, hour] = [1_000, 3_600_000];
const steps = [-hour, hour, 0, -second, second, -1_500, 0];

/** Redis's own time, and how long a key lives that was given a minute: what its scripts and its expiry go by. */
const looking = `
redis.call('SET', KEYS[1], '1', 'PX', '60000')
local time = redis.call('TIME')
return {time[1] * 1000 + math.floor(time[2] / 1000), redis.call('PTTL', KEYS[1]), redis.call('PEXPIRETIME', KEYS[1])}`;

test("a Redis's clock is set while it serves, back and forward: its time, its scripts and what expires go by it", async () => {
  await using server = await startRedis({ clock: true });
  const redis = new Redis(server.url);
  for (const step of steps) {
    server.step(step);
    const asked = Date.now();
    const [time, left, until] = (await redis.eval(looking, 1, 'looked')) as [number, number, number];
    for (const shown of [time, until - 60_000]) {
      expect(shown - step).toBeGreaterThanOrEqual(asked - 2);
      expect(shown - step).toBeLessThanOrEqual(Date.now() + 2);
    }
    expect(left).toBeLessThanOrEqual(60_000);
  }
  await redis.set('kept', '1', 'PX', 60_000);
  server.step(hour);
  expect(await redis.get('kept')).toBeNull();
  await redis.set('kept', '1', 'PX', 60_000);
  server.step(-hour);
  expect(await redis.pttl('kept')).toBeGreaterThan(hour);
  redis.disconnect();
});

test('a Redis that is started again goes on by the clock that was set, and leaves nothing behind', async () => {
  await using server = await startRedis({ clock: true });
  server.step(-hour);
  await server.kill();
  await server.start();
  const redis = new Redis(server.url);
  const [seconds] = await redis.time();
  expect(Number(seconds) * 1_000).toBeLessThan(Date.now() - hour + second);
  expect(existsSync(`/dev/shm/faketime_shm_${server.pid}`)).toBe(false);
  redis.disconnect();
});

test('a process of ours goes by a clock that is set while it runs, and its timers go on', async () => {
  await using server = await startRedis();
  await using clocked = await clockedGateway(server.url);
  const { clock, gateway } = clocked;
  clock.step(-hour);
  // What it says when Redis goes away is by its clock, and comes as soon as ever.
  await server.kill();
  const times = () =>
    [...gateway.log().matchAll(/"time":"?([^",]+)/g)].map(([, time]) => new Date(time ?? '').getTime());
  await eventually('it tells the time', () => times().some((time) => Math.abs(time + hour - Date.now()) < hour / 2));
});
