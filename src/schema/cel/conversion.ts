import type { Type } from './types.js';

/**
 * How values become comparable: both sides of a comparison are converted to the schema's type, so that 1 and "1"
 * meet under an ID. What comes out is a primitive and equal values are `===`; undefined means that the value is
 * missing, null, or none of this type, which in a rule is an error. Routes and rules share these conversions:
 * were they to differ in one value, an event would pass a rule and be in no channel of its viewer.
 *
 * A whole number is a `bigint` where a double cannot hold it, and only there, so that equal ones are `===` still. A double
 * beyond 2^53 (1e20) is no ID: it stands for many whole numbers, and two users could have become one.
 */
export type Conversion = 'text' | 'int' | 'float' | 'bool' | 'any';
export type Primitive = string | number | bigint | boolean;
export type Convert = (value: unknown) => Primitive | undefined;

export const convert: { readonly [C in Conversion]: Convert } = {
  text: (value) => (typeof value === 'string' ? value : textOfNumber(value)),
  int: (value) => (typeof value === 'number' ? whole(value) : wholeOf(value)),
  /** The nearest double: that is what a Float is. */
  float: (value) => (typeof value === 'number' ? finite(value) : numberOf(value)),
  bool: (value) => {
    if (typeof value === 'boolean') return value;
    return value === 'true' ? true : value === 'false' ? false : undefined;
  },
  /** A value of unknown schema type is compared as it is; different kinds of value never meet. */
  any: (value) => {
    if (typeof value === 'string' || typeof value === 'boolean') return value;
    if (typeof value === 'bigint') return exact(value);
    if (typeof value !== 'number') return undefined;
    return isRounded(value) ? BigInt(value) : finite(value);
  },
};

/** What kind of value it is: a whole number stays one, however large. */
export const valueKind = (value: unknown): string => (typeof value === 'bigint' ? 'number' : typeof value);

/** A double that stands for several whole numbers: it is beyond 2^53. */
export const isRounded = (value: number): boolean => Number.isInteger(value) && !Number.isSafeInteger(value);

/** A number where a double can hold it. */
export function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

export function conversionTo(type: Type): Conversion | null {
  switch (type.kind) {
    case 'id':
    case 'string':
    case 'enum':
      return 'text';
    case 'int':
      return 'int';
    case 'double':
      return 'float';
    case 'bool':
      return 'bool';
    case 'dyn':
      return 'any';
    default:
      return null;
  }
}

// `+ 0` makes -0 a 0: they are equal, and must share a channel.
const finite = (value: number) => (Number.isFinite(value) ? value + 0 : undefined);
const whole = (value: number) => (Number.isSafeInteger(value) ? value + 0 : undefined);

function textOfNumber(value: unknown): string | undefined {
  if (typeof value === 'bigint') return value.toString();
  const number = typeof value === 'number' ? finite(value) : undefined;
  return number === undefined || isRounded(number) ? undefined : String(number);
}

/** "01", " 1", "0x1" and "1_000" are names that look like numbers, not numbers. */
function wholeOf(value: unknown): number | bigint | undefined {
  if (typeof value === 'bigint') return exact(value);
  return typeof value === 'string' && /^(0|-?[1-9]\d{0,38})$/.test(value) ? exact(BigInt(value)) : undefined;
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === 'bigint') return finite(Number(value));
  if (typeof value !== 'string') return undefined;
  if (value.length > 24 || !/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(value)) return undefined;
  const number = Number(value);
  return Math.abs(number) <= Number.MAX_SAFE_INTEGER ? number + 0 : undefined;
}
