import { decodeJson } from '../../format/json.js';
import { numeral } from './outcome.js';

export interface Line {
  /** The line's number in the file, from 1; blank ones count. */
  readonly number: number;
  /** Its bytes as they were, without the end of the line. */
  readonly bytes: Buffer;
}

/** A line that is no record. `why` goes on from its name: "is not JSON: …". */
export class LineFault extends Error {
  override name = 'LineFault';
  constructor(
    readonly number: number,
    readonly why: string,
    readonly reason: 'not-json' | 'other' = 'other',
  ) {
    super(why);
  }
}

export interface Limit {
  readonly bytes: number;
  /** Whose limit it is, in words. */
  readonly whose: string;
}

/** Lines that are handed on together. */
const mostTogether = 500;

/**
 * The records of a text, a line each, as its chunks bring them: what a chunk completes is not kept back, for a pipe may
 * stay open. Blank lines are left out, and so are a byte order mark and the carriage returns of Windows. Throws LineFault.
 */
export async function* linesOf(chunks: AsyncIterable<Buffer>, most: Limit): AsyncGenerator<readonly Line[]> {
  const parts: Buffer[] = [];
  let begun = 0;
  let number = 0;
  const end = (last: Buffer): Line[] => {
    const whole = parts.length === 0 ? last : Buffer.concat([...parts, last]);
    parts.length = 0;
    begun = 0;
    return recordIn(whole, ++number, most);
  };
  for await (const chunk of chunks) {
    const lines: Line[] = [];
    let from = 0;
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      try {
        for (const line of end(chunk.subarray(from, at))) lines.push(line);
      } catch (error) {
        // What precedes the fault is handed on first: of a pipe it cannot be read again.
        if (lines.length > 0) yield lines;
        throw error;
      }
      from = at + 1;
      if (lines.length >= mostTogether) yield lines.splice(0);
    }
    if (lines.length > 0) yield lines;
    parts.push(chunk.subarray(from));
    begun += chunk.length - from;
    if (begun > most.bytes + margin) throw new LineFault(number + 1, tooLong(most));
  }
  if (begun === 0) return;
  const last = end(Buffer.alloc(0));
  if (last.length > 0) yield last;
}

const newline = 0x0a;
const mark = Buffer.from([0xef, 0xbb, 0xbf]);
/** What a line may have beside its record. */
const margin = mark.length + 1;

const tooLong = ({ bytes, whose }: Limit) => `has more than ${numeral(bytes)} bytes, which is what ${whose}`;

/** The line's record: none where it is blank. */
function recordIn(line: Buffer, number: number, most: Limit): Line[] {
  const begin = number === 1 && line.subarray(0, mark.length).equals(mark) ? mark.length : 0;
  const bytes = line.subarray(begin, line.at(-1) === 0x0d ? line.length - 1 : line.length);
  if (bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d)) return [];
  if (bytes.length > most.bytes) throw new LineFault(number, tooLong(most));
  const decoded = decodeJson(bytes, 'value');
  if (decoded.kind !== 'fault') return [{ number, bytes }];
  const { reason, error } = decoded.fault;
  if (reason === 'not-json') throw new LineFault(number, `is not JSON: ${error.message}`, reason);
  throw new LineFault(number, 'is not UTF-8');
}
