import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TextBuffer } from '../../src/log/text-buffer.js';

const pieces = fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 30 });

test('pieces become the bytes of all of them, however few were expected', () => {
  fc.assert(
    fc.property(pieces, fc.nat(20), (texts, expected) => {
      const buffer = new TextBuffer(expected);
      for (const text of texts) buffer.add(text);
      expect(buffer.bytes().toString('hex')).toBe(Buffer.from(texts.join('')).toString('hex'));
    }),
  );
});
