import { isUtf8 } from 'node:buffer';
import { type Format, faultOf, type RecordPart } from './format.js';

/** UTF-8 text. */
export const textFormat = (part: RecordPart): Format => ({
  prepare: () => null,
  decode({ [part]: bytes }) {
    if (bytes === null) return { kind: 'null' };
    // Buffer.toString would put U+FFFD in the place of what it cannot read: many keys would be one.
    if (!isUtf8(bytes)) return faultOf('not-utf8', new TypeError(`The ${part} is not UTF-8.`));
    return { kind: 'value', text: null, value: bytes.toString('utf8') };
  },
  encode(value) {
    if (typeof value !== 'string') throw new TypeError(`A ${part} that is text cannot hold ${typeof value}.`);
    return Buffer.from(value);
  },
});
