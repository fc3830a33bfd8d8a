/**
 * JSON whose whole numbers are exact: a literal without fraction or exponent that a double cannot hold is a `bigint`,
 * every other value is JSON.parse's own. JSON.parse rounds such a literal without a word, and two users' ids become one
 * (RFC 8259, section 6).
 *
 * A literal that is beyond every double stays Infinity: it is nobody's id, and each digit of it would cost.
 * Throws SyntaxError as JSON.parse does.
 */
export function readJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return mayHoldLongNumber(text) ? new Reader(text).read() : value;
}

/** As many digits as the least whole number that a double cannot hold has: 2^53. */
const long = 16;

/**
 * False only where no whole number of a JSON text has 16 digits: a run of so many covers a place that is looked at, so
 * that a sixteenth of a text is read. True also for digits in a string that look as if they stood outside of one.
 */
export function mayHoldLongNumber(text: string): boolean {
  for (let at = long - 1; at < text.length; at += long) {
    if (!isDigit(text.charCodeAt(at))) continue;
    let from = at;
    while (from > 0 && isDigit(text.charCodeAt(from - 1))) from--;
    let to = at + 1;
    while (isDigit(text.charCodeAt(to))) to++;
    if (to - from >= long && beginsValue(text, from)) return true;
    at = to - 1;
  }
  return false;
}

const isDigit = (code: number) => code >= 48 && code <= 57;

/** What can stand before a number: the text's beginning, white space, `[`, `,`, `:`, and a sign after one of them. */
function beginsValue(text: string, from: number): boolean {
  const before = text.charAt(text.charAt(from - 1) === '-' ? from - 2 : from - 1);
  return before === '' || before === ':' || before === ',' || before === '[' || before <= ' ';
}

type Container = unknown[] | Record<string, unknown>;

/** Reads what JSON.parse has found valid. Without recursion: valid JSON may be nested deeper than the stack is. */
class Reader {
  #at = 0;
  #root: unknown;
  #into: Container | null = null;
  #key: string | null = null;
  readonly #outer: { readonly into: Container | null; readonly key: string | null }[] = [];

  constructor(private readonly text: string) {}

  read(): unknown {
    while (this.#at < this.text.length) this.#token(this.text.charAt(this.#at));
    return this.#root;
  }

  #token(mark: string): void {
    if (mark === '{') this.#open({});
    else if (mark === '[') this.#open([]);
    else if (mark === '}' || mark === ']') this.#close();
    else if (mark === '"') this.#string();
    else if (mark === 't') this.#put(true, 4);
    else if (mark === 'f') this.#put(false, 5);
    else if (mark === 'n') this.#put(null, 4);
    else if (mark === ',' || mark === ':' || mark <= ' ') this.#at++;
    else this.#number();
  }

  #open(container: Container): void {
    this.#outer.push({ into: this.#into, key: this.#key });
    this.#into = container;
    this.#key = null;
    this.#at++;
  }

  #close(): void {
    const made = this.#into;
    const { into, key } = this.#outer.pop() as { into: Container | null; key: string | null };
    this.#into = into;
    this.#key = key;
    this.#put(made, 1);
  }

  #string(): void {
    let end = this.text.indexOf('"', this.#at + 1);
    while (isEscaped(this.text, end)) end = this.text.indexOf('"', end + 1);
    const written = this.text.slice(this.#at, end + 1);
    const value = written.includes('\\') ? (JSON.parse(written) as string) : written.slice(1, -1);
    const isName = this.#into !== null && !Array.isArray(this.#into) && this.#key === null;
    if (!isName) this.#put(value, written.length);
    else {
      this.#key = value;
      this.#at += written.length;
    }
  }

  #number(): void {
    let end = this.#at + 1;
    while (end < this.text.length && !ends.has(this.text.charAt(end))) end++;
    const literal = this.text.slice(this.#at, end);
    this.#put(numberOf(literal), literal.length);
  }

  #put(value: unknown, length: number): void {
    this.#at += length;
    if (this.#into === null) this.#root = value;
    else if (Array.isArray(this.#into)) this.#into.push(value);
    else {
      const key = this.#key as string;
      this.#key = null;
      // By assignment this one key would set the prototype.
      if (key !== '__proto__') this.#into[key] = value;
      else Object.defineProperty(this.#into, key, { value, enumerable: true, configurable: true, writable: true });
    }
  }
}

const ends = new Set([',', '}', ']', ' ', '\n', '\r', '\t']);

/** True for a quote that belongs to its string: an odd number of backslashes stands before it. */
function isEscaped(text: string, quote: number): boolean {
  let at = quote;
  while (text.charAt(at - 1) === '\\') at--;
  return (quote - at) % 2 === 1;
}

/** What a literal means. */
export function numberOf(literal: string): number | bigint {
  const number = Number(literal);
  const isWhole = literal.length >= long && /^-?\d+$/.test(literal);
  return !isWhole || Number.isSafeInteger(number) || !Number.isFinite(number) ? number : BigInt(literal);
}
