import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Limit, type LineFault, linesOf } from '../../../src/bin/send/lines.js';

const most: Limit = { bytes: 100, whose: 'this test takes' };

/** The text in chunks of these sizes, again and again. */
async function* chunksOf(text: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  for (let at = 0, i = 0; at < text.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    yield text.subarray(at, at + size);
    at += size;
  }
}

async function linesIn(text: string | Buffer, sizes: readonly number[] = [1_000]) {
  const found: [number, string][] = [];
  let fault: LineFault | null = null;
  try {
    for await (const lines of linesOf(chunksOf(Buffer.from(text), sizes), most))
      for (const { number, bytes } of lines) found.push([number, bytes.toString()]);
  } catch (error) {
    fault = error as LineFault;
  }
  return { found, fault };
}

describe('a text is records, a line each', () => {
  test.each<[string, string, [number, string][]]>([
    [
      'with and without an end',
      '1\n2',
      [
        [1, '1'],
        [2, '2'],
      ],
    ],
    [
      'with blank lines, which count',
      '\n1\n \t\n\n2\n\n',
      [
        [2, '1'],
        [5, '2'],
      ],
    ],
    [
      'of Windows',
      '\uFEFF1\r\n\r\n2\r\n',
      [
        [1, '1'],
        [3, '2'],
      ],
    ],
    ['with spaces, which stay', ' {"a": 1} \n', [[1, ' {"a": 1} ']]],
    ['with a mark alone', '\uFEFF\n1', [[2, '1']]],
    ['with nothing', '', []],
    ['with line separators of Unicode inside', '"a\u2028b"\n', [[1, '"a\u2028b"']]],
  ])('%s', async (_, text, expected) => {
    expect(await linesIn(text)).toEqual({ found: expected, fault: null });
  });

  test('however it is cut into chunks', async () => {
    const values = fc.array(fc.oneof(fc.jsonValue(), fc.constant(null)), { maxLength: 8 });
    const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(values, sizes, fc.constantFrom('\n', '\r\n', '\n\n'), async (all, cuts, end) => {
        const texts = all.map((value) => JSON.stringify(value)).filter((text) => Buffer.byteLength(text) <= most.bytes);
        const { found, fault } = await linesIn(texts.join(end), cuts);
        expect(fault).toBeNull();
        expect(found.map(([, text]) => text)).toEqual(texts);
      }),
    );
  });

  test('and what a chunk completes is not kept back for the next one', async () => {
    async function* open() {
      yield Buffer.from('1\n2\n3');
      await new Promise(() => {});
    }
    const first = await linesOf(open(), most).next();
    expect(first.value?.map(({ bytes }: { bytes: Buffer }) => String(bytes))).toEqual(['1', '2']);
  });
});

describe('a line that is no record is told by its number, and those before it are handed on', () => {
  test.each<[string, string | Buffer, number, RegExp]>([
    ['text', '1\n\nnope\n2', 3, /^is not JSON: /],
    ['half an object at the end', '1\n{"a":', 2, /^is not JSON: /],
    ['bytes', Buffer.concat([Buffer.from('1\n"'), Buffer.from([0xff]), Buffer.from('"\n')]), 2, /^is not UTF-8$/],
    ['UTF-16', Buffer.from('\uFEFF{"a":1}\n', 'utf16le'), 1, /^is not UTF-8$/],
    ['one too long', `1\n"${'x'.repeat(99)}"\n2\n`, 2, /^has more than 100 bytes, which is what this test takes$/],
    ['one without an end', `1\n"${'x'.repeat(10_000)}`, 2, /^has more than 100 bytes/],
  ])('%s', async (_, text, number, why) => {
    for (const sizes of [[10_000], [3]]) {
      const { found, fault } = await linesIn(text, sizes);
      expect([fault?.number, fault?.why]).toEqual([number, expect.stringMatching(why)]);
      expect(found).toEqual(number > 1 ? [[1, '1']] : []);
    }
  });

  test('not one that is as long as it may be', async () => {
    const text = `"${'x'.repeat(98)}"`;
    expect((await linesIn(`\uFEFF${text}\r\n${text}`, [7])).found.map(([, line]) => line)).toEqual([text, text]);
  });
});
