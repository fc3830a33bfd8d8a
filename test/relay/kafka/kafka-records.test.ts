import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { letterMessage } from '../../../src/relay/dead-letter.js';
import { batchOf } from '../../../src/relay/kafka/kafka-records.js';

const kafkajs = createRequire(createRequire(import.meta.url).resolve('kafkajs'));
const Encoder = kafkajs('./src/protocol/encoder');
const Decoder = kafkajs('./src/protocol/decoder');
const decodeRecord = kafkajs('./src/protocol/recordBatch/record/v0/decoder');
const encodeRecord = kafkajs('./src/protocol/recordBatch/record/v0');

type Header = readonly [name: string, value: Buffer | null];

/** A record as Kafka's bytes have it, read by kafkajs and by us. */
function read(headers: readonly Header[], key: Buffer | null = null) {
  const body = new Encoder().writeInt8(0).writeVarLong(0).writeVarInt(0);
  body.writeVarIntBytes(key).writeVarIntBytes(Buffer.from('{'));
  body.writeVarIntArray(headers.map(([name, value]) => new Encoder().writeVarIntString(name).writeVarIntBytes(value)));
  const message = decodeRecord(new Decoder(body.buffer), { firstOffset: '0', firstTimestamp: '0', magicByte: 2 });
  const batch = {
    topic: 't',
    partition: 0,
    messages: [message],
    fetchedOffset: '0',
    lastOffset: () => '0',
    highWatermark: '1',
  };
  const [record] = batchOf(batch as never, { epochs: () => [] }).records;
  if (!record) throw new Error('a record');
  return record;
}

const all: readonly Header[] = [
  ['constructor', Buffer.from('a')],
  ['toString', Buffer.from('b')],
  ['__proto__', Buffer.from('c')],
  ['trace', Buffer.from('d')],
  ['trace', Buffer.from('e')],
];

test('headers may be named as the parts of an object are', () => {
  expect(Object.entries(read(all).headers)).toEqual([
    ['constructor', 'a'],
    ['toString', 'b'],
    ['__proto__', 'c'],
    ['trace', 'e'],
  ]);
});

test('a dead letter can be written whatever its headers are named, and where one has no value', () => {
  const record = read([...all, ['empty', null], ['trace', null]]);
  const fault = { reason: 'not-json', stage: 'VALUE_CONVERTER', error: new SyntaxError('no') } as const;
  const { key, value, headers } = letterMessage({ record, fault }, 'relay');
  const bytes: Buffer = encodeRecord({ key, value, headers }).buffer;
  const decoder = new Decoder(bytes);
  decoder.readVarInt();
  const written = decodeRecord(decoder, { firstOffset: '0', firstTimestamp: '0', magicByte: 2 });
  const texts = Object.entries(written.headers as object).map(([name, given]) => [
    name,
    [given].flat().map(String).at(-1),
  ]);
  expect(Object.fromEntries(texts)).toMatchObject({ constructor: 'a', toString: 'b', empty: '', trace: '' });
  expect(texts).toContainEqual(['__proto__', 'c']);
});
