// npm run bench:memory: what a channel's history costs in Redis, by structure. Starts a redis-server of its own.
import { Redis } from 'ioredis';
import { startRedis } from '../test/support/servers/services.js';

/** 250 bytes of payload and 80 of header: coordinates, numbers, times. */
const entryBytes = 330;
const eventCounts = [1, 3, 10, 100] as const;
const channelsFor = (events: number): number => (events > 10 ? 10_000 : 100_000);
const channelsPerCall = 1_000;

/** The length of a key as users have it. */
const keyBytes = 'tailrace:{s0}:c:card-transactions:userId=user-00000000'.length;

/** Lua that adds entry `n` (`data`) to the channel at `key`. */
const structures: readonly { name: string; add: string; config?: readonly [string, string] }[] = [
  { name: 'stream', add: "redis.call('XADD', key, n .. '-0', 'e', data)" },
  {
    name: 'stream, `stream-node-max-bytes 512`',
    add: "redis.call('XADD', key, n .. '-0', 'e', data)",
    config: ['stream-node-max-bytes', '512'],
  },
  { name: 'list', add: "redis.call('RPUSH', key, data)" },
  { name: 'sorted set', add: "redis.call('ZADD', key, n, n .. data)" },
  { name: 'hash', add: "redis.call('HSET', key, n, data)" },
  { name: 'string, APPEND', add: "redis.call('APPEND', key, data)" },
];

/** Entries of one channel come one by one, as events do; each call ends with the expiry, as the append script does. */
const script = (add: string): string => `
  local from, channels, events, data = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
  for n = 1, events do
    for c = from, from + channels - 1 do
      local key = string.format('tailrace:{s0}:c:card-transactions:userId=user-%08d', c)
      ${add}
      redis.call('PEXPIRE', key, 600000)
    end
  end`;

async function usedMemory(redis: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
}

/** Bytes per channel, its key and expiry included. */
async function measure(redis: Redis, add: string, events: number): Promise<number> {
  const channels = channelsFor(events);
  const data = Array.from({ length: entryBytes }, (_, i) => 'abcdefghijklmnopqrstuvwxyz'[(i * 7) % 26]).join('');
  await redis.flushall('SYNC');
  const before = await usedMemory(redis);
  for (let from = 0; from < channels; from += channelsPerCall) {
    await redis.eval(script(add), 0, from, channelsPerCall, events, data);
  }
  const after = await usedMemory(redis);
  if ((await redis.dbsize()) !== channels) throw new Error('some channels are missing');
  return (after - before) / channels;
}

/** How to size a list: the straight line through the first and the last measure, and how far it is off the others. */
function formula(bytes: readonly number[]): string {
  const [few, many] = [eventCounts[0], eventCounts[3]];
  const [first = 0, last = 0] = [bytes[0], bytes[3]];
  const perEntry = (last - first) / (many - few);
  const base = first - perEntry * few;
  const off = Math.max(...eventCounts.map((n, i) => Math.abs((base + perEntry * n) / (bytes[i] ?? 0) - 1)));
  const overhead = whole(perEntry - entryBytes);
  return `List: channels × (${whole(base)} + events × (entry + ${overhead})) bytes, within ${Math.round(off * 100)} % of the above.`;
}

const whole = (bytes: number): string => Math.round(bytes).toLocaleString('en-US');

await using server = await startRedis();
const redis = new Redis(server.url);
const version = /redis_version:(\S+)/.exec(await redis.info('server'))?.[1];

console.log(`Bytes of Redis ${version} per channel (used_memory), key of ${keyBytes} bytes and PEXPIRE included;`);
console.log(
  `entries of ${entryBytes} bytes (250 of payload, 80 of header); 100,000 channels, 10,000 for 100 events each.\n`,
);
let sizing = '';
console.log(`| structure | ${eventCounts.map((n) => `${n} event${n > 1 ? 's' : ''}`).join(' | ')} |`);
console.log(`| --- |${' ---: |'.repeat(eventCounts.length)}`);
for (const { name, add, config } of structures) {
  const [setting, value] = config ?? [];
  const usual = setting ? ((await redis.config('GET', setting)) as string[])[1] : undefined;
  if (setting && value) await redis.config('SET', setting, value);
  const bytes: number[] = [];
  for (const events of eventCounts) bytes.push(await measure(redis, add, events));
  if (setting && usual) await redis.config('SET', setting, usual);
  console.log(`| ${name} | ${bytes.map(whole).join(' | ')} |`);
  if (name === 'list') sizing = formula(bytes);
}
console.log(`\n${sizing}`);
redis.disconnect();
