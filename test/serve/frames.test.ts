import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Frame } from '../../src/hub/frame.js';
import { completeEvent, cursorEvent, nextEvent, nextMessage, resultEvent } from '../../src/serve/frames.js';

const result = fc
  .anything({ withBigInt: false, withDate: false })
  .map((data) => JSON.stringify({ data: data ?? null }));

test('a frame is the result with its cursor, for every transport, whatever the data and the id hold', () => {
  fc.assert(
    fc.property(result, fc.string({ unit: 'binary' }), (text, id) => {
      const frame = new Frame(text.slice(0, -1), 'cursor-1');
      const payload = { ...JSON.parse(text), extensions: { cursor: 'cursor-1' } };
      expect(JSON.parse(frame.payload)).toEqual(payload);
      expect(JSON.parse(nextMessage(id, frame))).toEqual({ id: JSON.parse(JSON.stringify(id)), type: 'next', payload });
      const lines = nextEvent(frame).split('\n');
      expect(lines.slice(0, 2)).toEqual(['id: cursor-1', 'event: next']);
      expect(JSON.parse((lines[2] as string).slice('data: '.length))).toEqual(payload);
      // Exactly one event: a line break in a value would end it early.
      expect(lines.slice(3)).toEqual(['', '']);
    }),
  );
});

test('a gap goes beside the cursor, and into nobody else’s frame', () => {
  const frame = new Frame('{"data":1', 'c');
  const told = frame.withGap({ reason: 'TRIMMED', missed: null });
  expect(JSON.parse(told.payload).extensions).toEqual({ cursor: 'c', gap: { reason: 'TRIMMED', missed: null } });
  expect(JSON.parse(frame.payload).extensions).toEqual({ cursor: 'c' });
  expect(JSON.parse(told.withCursor('d').payload).extensions).toMatchObject({
    cursor: 'd',
    gap: { reason: 'TRIMMED' },
  });
});

test('an event is encoded once for all streams', () => {
  const frame = new Frame('{"data":1', 'c');
  expect(nextEvent(frame)).toBe(nextEvent(frame));
  expect(frame.payload).toBe(frame.payload);
});

test('the small events are as their readers want them', () => {
  expect(cursorEvent('c')).toBe('id: c\n\n');
  expect(completeEvent).toBe('event: complete\ndata: \n\n');
  expect(resultEvent({ data: 'a\nb' })).toBe('event: next\ndata: {"data":"a\\nb"}\n\n');
});
