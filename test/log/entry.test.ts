import { expect, test } from 'vitest';
import { decodeEntry, encodeMeta } from '../../src/log/entry.js';
import { alice, entry } from './contract.js';

const line = '1 7 0 AAECAwQF 1000 fp';
const read = (meta: string) => decodeEntry(alice, 0, `${line}\n${meta}\n{"n":3}`);

test('an entry says whose offset its record has', () => {
  expect(read(encodeMeta(entry(3))).source).toMatchObject({ origin: 'topicA', event: { n: 3 } });
});

test('an entry that a former version wrote is read, and has the origin of none', () => {
  const former = read('[0,3,0,1,1003,"cards","k",{}]');
  expect(former.source).toMatchObject({ origin: '', record: { partition: 0, offset: 3, key: 'k' } });
  expect(former.refilled).toBe(true);
});

test('an entry names the cluster as the schema does, and one of the default cluster has the bytes it always had', () => {
  const meta = encodeMeta(entry(3));
  expect(meta).toBe('[0,3,0,0,1003,"cards","k",{},"topicA"]');
  expect(read(meta).source.record.cluster).toBe('default');
  const of = (cluster: string) => entry(3, [alice], { record: { ...entry(3).record, cluster } });
  for (const cluster of ['eu', 'e"u\n'])
    expect(read(encodeMeta(of(cluster))).source).toMatchObject({ origin: 'topicA', record: { cluster, key: 'k' } });
});
