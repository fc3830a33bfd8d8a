import { expect, test } from 'vitest';
import { backoff } from '../../src/relay/backoff.js';
import { type DeadLetter, letterMessage, skipping } from '../../src/relay/dead-letter.js';
import { heardLogger, recordAt } from '../support/relay-world.js';

const letter = (more: Partial<DeadLetter['record']> = {}): DeadLetter => ({
  record: { ...recordAt(7, '{'), key: Buffer.from([1, 255]), ...more },
  fault: { reason: 'not-json', stage: 'VALUE_CONVERTER', error: new SyntaxError('no JSON') },
});

test('a dead letter is the record as it was written, with Kafka Connect’s headers beside its own', () => {
  const message = letterMessage(
    letter({ originalHeaders: { trace: ['a', Buffer.from([255])], none: undefined } }),
    'group',
  );
  expect(message).toMatchObject({ key: Buffer.from([1, 255]), value: Buffer.from('{') });
  expect(message.headers).toMatchObject({
    trace: ['a', Buffer.from([255])],
    '__connect.errors.topic': 't',
    '__connect.errors.partition': '0',
    '__connect.errors.offset': '7',
    '__connect.errors.connector.name': 'group',
    '__connect.errors.task.id': '0',
    '__connect.errors.stage': 'VALUE_CONVERTER',
    '__connect.errors.class.name': 'tailrace.decode',
    '__connect.errors.exception.class.name': 'SyntaxError',
    '__connect.errors.exception.message': 'no JSON',
    '__connect.errors.exception.stacktrace': expect.stringContaining('SyntaxError: no JSON'),
  });
  expect(Object.keys(message.headers)).not.toContain('none');
});

test('a record that was dead before keeps its other headers, and ours say where it died last', () => {
  const { headers } = letterMessage(letter({ originalHeaders: { '__connect.errors.topic': 'older' } }), 'group');
  expect(headers['__connect.errors.topic']).toBe('t');
});

test('dead letters that are skipped are named in the log, each with its place', async () => {
  const { lines, logger } = heardLogger();
  await skipping(async () => Promise.reject(new Error('no such topic')), logger)([letter()]);
  expect(lines).toEqual([
    {
      line: 'error Dead letters could not be written and are skipped',
      fields: { records: [{ topic: 't', partition: 0, offset: 7 }], reason: 'Error: no such topic' },
    },
  ]);
});

test('waits double up to a limit, and relays refused together do not come back together', () => {
  const most = Array.from({ length: 9 }, (_, i) => backoff(i + 1, () => 1));
  expect(most).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
  expect(backoff(3, () => 0)).toBe(200);
  expect(backoff(100_000, () => 1)).toBe(5_000);
});
