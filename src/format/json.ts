import { isUtf8 } from 'node:buffer';
import { readJson } from '../event/read-json.js';
import { writeJson } from '../event/write-json.js';
import { type Decoded, type Format, faultOf, type RecordPart } from './format.js';

/** JSON, its whole numbers to the last digit. */
export const jsonFormat = (part: RecordPart): Format => ({
  prepare: () => null,
  decode({ [part]: bytes }) {
    return bytes === null ? { kind: 'null' } : decodeJson(bytes, part);
  },
  encode(value) {
    const text: string | undefined = writeJson(value);
    if (text === undefined) throw new TypeError(`JSON has no text for ${typeof value}.`);
    return Buffer.from(text);
  },
});

/** Bytes are read as one JSON text. Empty ones are a fault: they are not JSON, and whoever wrote them did not mean to delete. */
export function decodeJson(bytes: Buffer, part: RecordPart): Decoded {
  if (bytes.length === 0) return faultOf('empty-value', new SyntaxError(`The ${part} is empty.`));
  const framed = frameOf(bytes, part);
  if (framed !== null) return faultOf('registry-frame', new SyntaxError(framed));
  // Buffer.toString would put U+FFFD in the place of what it cannot read, and the log would keep the forgery.
  if (!isUtf8(bytes)) return faultOf('not-utf8', new TypeError(`The ${part} is not UTF-8.`));
  const text = bytes.toString('utf8', hasByteOrderMark(bytes) ? 3 : 0);
  try {
    return { kind: 'value', text, value: readJson(text) };
  } catch (error) {
    return faultOf('not-json', error instanceof Error ? error : new SyntaxError(String(error)));
  }
}

/**
 * Serializers of a schema registry write a zero and the id of a schema before Avro, Protobuf and JSON alike. No JSON begins
 * with a zero byte; told as bad UTF-8 or bad JSON alone, it sent people to look for a fault in their data.
 */
function frameOf(bytes: Buffer, part: RecordPart): string | null {
  if (bytes[0] !== 0 || bytes.length < 5) return null;
  const id = bytes.readUInt32BE(1);
  return `The ${part} starts with a schema registry's frame (magic byte 0, schema id ${id}); this topic is read as JSON.`;
}

/** Some producers begin a text with it; JSON.parse refuses it. */
const hasByteOrderMark = (bytes: Buffer) => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
