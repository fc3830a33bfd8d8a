import { inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Place } from '../../../src/event/place.js';
import { Frame } from '../../../src/hub/frame.js';
import { payloadOf } from '../../../src/serve/connection/frames.js';
import { completeEvent, cursorEvent, nextChunk, nextEvents, resultEvent } from '../../../src/serve/sse/events.js';
import { idBytes, nextMessages } from '../../../src/serve/websocket/next-messages.js';

/** Reads a WebSocket frame as RFC 6455 and RFC 7692 say, and nothing may be left over. */
function read(frame: Buffer): { text: string; compressed: boolean } {
  const [first, second] = frame as unknown as [number, number];
  const [start, length] =
    second < 126 ? [2, second] : second === 126 ? [4, frame.readUInt16BE(2)] : [10, Number(frame.readBigUInt64BE(2))];
  expect(frame.length).toBe(start + length);
  expect(first & 0xbf).toBe(0x81);
  const payload = frame.subarray(start);
  const compressed = (first & 0x40) !== 0;
  const end = Buffer.from([0, 0, 0xff, 0xff]);
  return { text: String(compressed ? inflateRawSync(Buffer.concat([payload, end]), sync) : payload), compressed };
}
const sync = { finishFlush: 2 };

function sent(id: string, frames: Frame | readonly Frame[], compress: boolean): Buffer {
  const bytes = idBytes(id);
  const prepared = nextMessages(frames instanceof Frame ? [frames] : frames, bytes.length, compress);
  const out = Buffer.from(prepared.bytes);
  for (const hole of prepared.holes) out.set(bytes, hole);
  return out;
}

const somewhere: Place = { positions: [], offsets: [], routes: 'abcd', late: null };

/** The value is JSON text. */
const frameOf = (value: string, cursor = 'c') =>
  new Frame({ key: '"it"', value, errors: null }, somewhere, { cursorOf: () => cursor });

const json = fc
  .anything({ withBigInt: false, withDate: false })
  .map((value) => JSON.stringify(value ?? null) ?? 'null');

test('a frame is the result with its cursor, for every transport, whatever the data and the id hold', () => {
  fc.assert(
    fc.property(json, fc.string({ unit: 'binary' }), (value, id) => {
      const frame = frameOf(value, 'cursor-1');
      const payload = { data: { it: JSON.parse(value) }, extensions: { cursor: 'cursor-1' } };
      expect(JSON.parse(payloadOf(frame))).toEqual(payload);
      const message = { id: JSON.parse(JSON.stringify(id)), type: 'next', payload };
      expect(JSON.parse(read(sent(id, frame, false)).text)).toEqual(message);
      expect(JSON.parse(read(sent(id, frame, true)).text)).toEqual(message);
      const event = nextEvents([frame]);
      const chunk = Buffer.from(nextChunk([frame]).bytes);
      const [size, ...rest] = chunk.toString().split('\r\n');
      expect(rest).toEqual([event, '']);
      expect(Number.parseInt(String(size), 16)).toBe(Buffer.byteLength(event));
      const lines = event.split('\n');
      expect(lines.slice(0, 2)).toEqual(['id: cursor-1', 'event: next']);
      expect(JSON.parse((lines[2] as string).slice('data: '.length))).toEqual(payload);
      // Exactly one event: a line break in a value would end it early.
      expect(lines.slice(3)).toEqual(['', '']);
    }),
  );
});

test('a gap goes beside the cursor, and into nobody else’s frame', () => {
  const frame = frameOf('1');
  const told = frame.withGap({ reason: 'TRIMMED', missed: null });
  expect(JSON.parse(payloadOf(told)).extensions).toEqual({ cursor: 'c', gap: { reason: 'TRIMMED', missed: null } });
  expect(JSON.parse(payloadOf(frame)).extensions).toEqual({ cursor: 'c' });
  // A frame that lost its gap where it is given another place would hide from its viewer what was lost.
  expect(told.at(somewhere).gap).toEqual({ reason: 'TRIMMED', missed: null });
});

test('errors come first, and with data or without it', () => {
  const errors = '[{"message":"no"}]';
  const of = (value: string | null) => payloadOf(new Frame({ key: '"it"', value, errors }));
  expect(of('{"a":1}')).toBe('{"errors":[{"message":"no"}],"data":{"it":{"a":1}}}');
  expect(of(null)).toBe('{"errors":[{"message":"no"}],"data":null}');
});

test('what a resolver made, and not the log, has no cursor', () => {
  const frame = new Frame({ key: '"it"', value: '1', errors: null });
  expect(payloadOf(frame)).toBe('{"data":{"it":1}}');
  expect(nextEvents([frame])).toBe(resultEvent({ data: { it: 1 } }));
});

test('a cursor is written when its frame leaves, once for all who get it, and else never', () => {
  let written = 0;
  const frame = new Frame({ key: '"it"', value: '1', errors: null }, somewhere, { cursorOf: () => `c${++written}` });
  expect(written).toBe(0);
  const frames = [frame];
  expect(nextEvents(frames)).toContain('id: c1\n');
  for (const length of [3, 4]) for (const compress of [false, true]) nextMessages(frames, length, compress);
  expect(written).toBe(1);
});

test.each([10, 70, 120, 1_000, 65_400, 65_500, 70_000, 300_000])('a text of %i letters arrives whole', (length) => {
  const frame = frameOf(`"${'x'.repeat(length)}"`);
  for (const id of ['1', 'x'.repeat(36), 'x'.repeat(70_000)]) {
    for (const compress of [false, true]) {
      expect(JSON.parse(read(sent(id, frame, compress)).text)).toEqual({
        id,
        type: 'next',
        payload: JSON.parse(payloadOf(frame)),
      });
    }
  }
});

test('what repeats itself is compressed, and only where that was agreed on; what would grow is not', () => {
  const frame = frameOf(`"${'abc'.repeat(100)}"`);
  expect(read(sent('1', frame, false)).compressed).toBe(false);
  expect(read(sent('1', frame, true)).compressed).toBe(true);
  expect(sent('1', frame, true).length).toBeLessThan(sent('1', frame, false).length / 2);
  expect(read(sent('1', new Frame({ key: '"a"', value: '1', errors: null }), true)).compressed).toBe(false);
});

test('an event is encoded once for all members of a group, whatever their ids', () => {
  const frame = frameOf('1');
  const frames = [frame];
  expect(nextChunk(frames)).toBe(nextChunk(frames));
  const mine = nextMessages(frames, 3, false);
  expect(nextMessages(frames, 38, false)).not.toBe(mine);
  expect(nextMessages(frames, 3, false)).toBe(mine);
  // The next event is another one.
  expect(nextMessages([frame.at(somewhere)], 3, false)).not.toBe(mine);
});

test('events that come at once are what they would be one by one, in order, each with the id', () => {
  fc.assert(
    fc.property(fc.array(json, { minLength: 1, maxLength: 5 }), fc.string(), fc.boolean(), (values, id, compress) => {
      const frames = values.map((value, n) => frameOf(value, `c${n}`));
      expect(sent(id, frames, compress)).toEqual(Buffer.concat(frames.map((frame) => sent(id, frame, compress))));
      expect(nextEvents(frames)).toBe(frames.map((frame) => nextEvents([frame])).join(''));
    }),
  );
});

test('the small events are as their readers want them', () => {
  expect(cursorEvent('c')).toBe('id: c\n\n');
  expect(completeEvent).toBe('event: complete\ndata: \n\n');
  expect(resultEvent({ data: 'a\nb' })).toBe('event: next\ndata: {"data":"a\\nb"}\n\n');
});
