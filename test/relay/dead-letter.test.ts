import { expect, test } from 'vitest';
import {
  type DeadLetter,
  type DeadLetters,
  LettersOnce,
  letterMessage,
  skipping,
} from '../../src/relay/dead-letter.js';
import { heardLogger, heardMetrics, recordAt } from '../support/relay/relay-world.js';

const letter = (more: Partial<DeadLetter['record']> = {}): DeadLetter => ({
  record: { ...recordAt(7, '{'), key: Buffer.from([1, 255]), ...more },
  fault: { reason: 'not-json', stage: 'VALUE_CONVERTER', error: new SyntaxError('no JSON') },
});

const offsetsOf = (letters: readonly DeadLetter[]) => letters.map(({ record }) => record.offset);

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
  await skipping(async () => Promise.reject(new Error('no such topic')), logger)([letter()], () => {});
  expect(lines).toEqual([
    {
      line: 'error Dead letters could not be written and are skipped',
      fields: { records: [{ topic: 't', partition: 0, offset: 7 }], reason: 'Error: no such topic' },
    },
  ]);
});

test('dead letters that were written before one that cannot be are not skipped, and not named', async () => {
  const { lines, logger } = heardLogger();
  const kept: number[] = [];
  const write: DeadLetters = async (letters, kept) => {
    kept(letters.slice(0, 2));
    throw new Error('too large');
  };
  const letters = [1, 3, 5].map((offset) => letter({ offset }));
  await skipping(write, logger)(letters, (some) => kept.push(...offsetsOf(some)));
  expect(kept).toEqual([1, 3]);
  expect(lines).toMatchObject([{ fields: { records: [{ offset: 5 }] } }]);
});

test('each dead letter is written once and counted once, where a write fails in the middle too', async () => {
  const { heard, metrics } = heardMetrics();
  const { lines, logger } = heardLogger();
  const written: number[][] = [];
  const write: DeadLetters = async (letters, kept) => {
    const some = written.length === 0 ? letters.slice(0, 2) : letters;
    written.push(offsetsOf(some));
    kept(some);
    if (some !== letters) throw new Error('Kafka went away');
  };
  const once = new LettersOnce(write, metrics, logger);
  const letters = [1, 3, 5, 7].map((offset) => letter({ offset }));
  expect(await once.write(letters)).toMatchObject({ offset: 5, error: new Error('Kafka went away') });
  expect(await once.write(letters)).toBeNull();
  expect(await once.write(letters)).toBeNull();
  expect(written).toEqual([
    [1, 3],
    [5, 7],
  ]);
  expect(heard).toHaveLength(4);
  expect(lines.map(({ fields }) => fields)).toMatchObject([
    { offset: 1, letters: 2, newest: 3 },
    { offset: 5, letters: 2, newest: 7 },
  ]);
});
