import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { listenForSilence } from '../../../src/relay/kafka/silence.js';

test('a consumer is silent from five seconds after the last answer that came in time, until the next', () => {
  const emitter = new EventEmitter();
  let time = 0;
  const events = { REQUEST: 'request' } as never;
  const silence = listenForSilence({ on: emitter.on.bind(emitter) as never, events }, () => time);
  const answered = (duration: number) => emitter.emit('request', { payload: { duration } });
  time = 4_000;
  answered(250);
  time = 9_000;
  expect(silence()).toBeNull();
  time = 9_001;
  expect(silence()).toBe('Kafka has not answered in time for 5 s');
  time = 16_100;
  answered(12_100);
  expect(silence()).toBe('Kafka has not answered in time for 12 s');
  answered(3);
  expect(silence()).toBeNull();
});
