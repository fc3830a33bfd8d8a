import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import type { Channel } from '../../src/event/channel.js';
import { Recent } from '../../src/hub/history/recent.js';
import { decodeEntry } from '../../src/log/entry.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const mebibyte = 2 ** 20;
const maxBytes = 8 * mebibyte;

/** Bytes of the heap that are in use when all that nobody holds is gone. */
async function used(): Promise<number> {
  for (let n = 0; n < 3; n++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().heapUsed;
}

/** An entry as Redis has it, of which no character is shared with another. */
const entry = (number: number, event: string) =>
  Buffer.from(
    `1 ${number} ${number - 1} epoch ${1_764_500_000_000 + number} abcd\n[0,${number},0,0,1764500000000,"notes","key ${number}",{},"origin"]\n${event}`,
  ).toString();

const kinds: readonly (readonly [string, (n: number) => string])[] = [
  [
    'like a card transaction',
    (n) => `{"id":"tx-${n}","userId":"user-${n}","amount":${n}.25,"tags":["a${n}","b"],"card":{"number":"${n}"}}`,
  ],
  ['nearly all structure', () => `[${Array(80).fill('{}').join()}]`],
  ['of names that no other has', (n) => `{${Array.from({ length: 10 }, (_, at) => `"${n}-${at}":1`).join()}}`],
  ['of long text beyond Latin', (n) => `{"text":"${'ж'.repeat(200)}${n}"}`],
];

const channel = 'a' as Channel;
const count = 30_000;
const head = { shard: 0, epoch: 'epoch', number: count, time: 0 };

/** A memory that more came to than it has room for. */
function filled(event: (n: number) => string): Recent {
  const recent = new Recent(maxBytes);
  for (let number = 1; number <= count; number++) recent.keep(decodeEntry(channel, 0, entry(number, event(number))));
  return recent;
}

/** Reads all that is kept; resolves with how much that was. */
function readAll(recent: Recent): number {
  let from = count - 1;
  while (recent.after(channel, head, from - 1, 1)) from--;
  const all = recent.after(channel, head, from) ?? [];
  return all.filter(({ source }) => source.index === 0).length;
}

test.each(kinds)('what is kept of events %s, and was read by nobody, takes no more than it may', async (_, event) => {
  const before = await used();
  const recent = filled(event);
  expect((await used()) - before).toBeLessThan(1.25 * maxBytes);
  expect(recent.bytes).toBeGreaterThan(0.9 * maxBytes);
});

test.each(kinds)('nor what is kept of events %s when all of it was read, again and again', async (_, event) => {
  const before = await used();
  const recent = filled(event);
  expect(readAll(recent)).toBeGreaterThan(1_000);
  expect(readAll(recent)).toBeGreaterThan(1_000);
  expect((await used()) - before).toBeLessThan(1.25 * maxBytes);
  expect(recent.bytes).toBeGreaterThan(0.9 * maxBytes);
});
