import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import type { Channel } from '../../src/event/channel.js';
import { createMemoryLog } from '../../src/log/memory-log.js';
import { batch, contract, entry, source } from './contract.js';

describe('the log in memory', () => {
  contract(async (shards) => {
    const log = createMemoryLog({ shards });
    return { writer: log, reader: log, close: () => log.close() };
  });
});

/** Bytes of the heap that are in use, once all that is not is gone. */
function used(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

test('a channel that nobody asks for and nothing comes to any more takes no memory once it has expired', async () => {
  let now = 1_000_000;
  const log = createMemoryLog({ now: () => now });
  const { epoch } = await log.partition(source);
  await log.append(batch(epoch, 0, [], { first: true, next: 0 }));
  const before = used();
  const many = 1_000;
  for (let user = 0; user < many; user++) {
    const payload = JSON.stringify(String(user).padEnd(20_000));
    await log.append(batch(epoch, user, [entry(user, [`r:${user}` as Channel], { payload })]));
  }
  expect(used() - before).toBeGreaterThan(many * 15_000);
  now += 24 * 3_600_000;
  await log.append(batch(epoch, many, [entry(many)]));
  expect(used() - before).toBeLessThan(many * 2_000);
  expect((await log.newest('r:7' as Channel, 0, 10)).publications).toEqual([]);
});
