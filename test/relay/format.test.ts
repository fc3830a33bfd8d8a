import { expect, test } from 'vitest';
import type { Channel } from '../../src/event/channel.js';
import { type Format, faultOf } from '../../src/format/format.js';
import { formatsOf } from '../../src/format/formats.js';
import { createMemoryLog } from '../../src/log/memory-log.js';
import { noRelayMetrics } from '../../src/observe/metrics.js';
import type { DeadLetter } from '../../src/relay/dead-letter.js';
import { createLocalFeed } from '../../src/relay/feed.js';
import { createRelay } from '../../src/relay/relay.js';
import { extractorOf, heardLogger, planOf, schemaOf } from '../support/relay/relay-world.js';

/** A format whose bytes begin with the number of a schema, which has to be fetched: the first `refusals` times in vain. */
function registryFormat(refusals: number) {
  const schemas = new Set<number>();
  let left = refusals;
  const asked: number[][] = [];
  const format: Format = {
    prepare(records) {
      const ids = records.flatMap(({ value }) => (value === null ? [] : [value[0] as number]));
      const missing = [...new Set(ids)].filter((id) => !schemas.has(id));
      if (missing.length === 0) return null;
      asked.push(missing);
      if (left-- > 0) return Promise.reject(new Error('the registry does not answer'));
      return Promise.resolve().then(() => {
        for (const id of missing) schemas.add(id);
      });
    },
    decode({ value }) {
      if (value === null) return { kind: 'null' };
      if (!schemas.has(value[0] as number)) return faultOf('registry-frame', new Error('a schema that nobody fetched'));
      const body = value.toString('utf8', 1);
      return body === '!' ? faultOf('not-json', new Error('no value')) : { kind: 'value', text: null, value: { body } };
    },
    encode: () => Buffer.alloc(0),
  };
  return { format, asked };
}

function world(refusals: number) {
  const log = createMemoryLog();
  const { format, asked } = registryFormat(refusals);
  const { lines, logger } = heardLogger();
  const letters: DeadLetter[] = [];
  const relay = createRelay({
    schema: schemaOf(planOf('t', extractorOf('s', { all: () => '*' }))),
    formats: (plan) => ({ ...formatsOf(plan), value: format }),
    log,
    cluster: 'local',
    metrics: noRelayMetrics,
    logger,
    deadLetters: async (some) => void letters.push(...some),
    delay: () => 1,
  });
  const feed = createLocalFeed(relay, 't');
  const push = (...values: readonly (readonly [schema: number, body: string])[]) =>
    feed.push(values.map(([id, body]) => ({ key: null, value: Buffer.from([id, ...Buffer.from(body)]) })));
  const held = async () =>
    (await log.newest('s:all:*' as Channel, 0, 1_000)).publications.map(({ source }) => source.event);
  return { push, held, letters, lines, asked };
}

test('while a format cannot be prepared its records wait: none is lost, doubled, out of order or a dead letter', async () => {
  const { push, held, letters, lines, asked } = world(3);
  await Promise.all([push([7, 'a'], [7, 'b']), push([7, 'c'], [8, 'd']), push([8, 'e'])]);
  expect(await held()).toEqual(['a', 'b', 'c', 'd', 'e'].map((body) => ({ body })));
  expect(letters).toEqual([]);
  expect(asked).toEqual([[7], [7], [7], [7], [8]]);
  expect(lines.map(({ fields }) => fields)).toContainEqual(
    expect.objectContaining({ reason: 'the registry does not answer', offset: 0 }),
  );
});

test('a record that a prepared format cannot read is a dead letter, and the others go on', async () => {
  const { push, held, letters } = world(1);
  await push([7, 'a'], [7, '!'], [7, 'b']);
  expect(await held()).toEqual([{ body: 'a' }, { body: 'b' }]);
  expect(letters.map(({ record, fault }) => [record.offset, fault.reason, fault.stage])).toEqual([
    [1, 'not-json', 'VALUE_CONVERTER'],
  ]);
});
