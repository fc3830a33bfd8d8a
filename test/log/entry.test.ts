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
