import { createHash } from 'node:crypto';
import type { Channel } from '../../event/channel.js';
import { type Conversion, type Primitive, valueKind } from '../cel/conversion.js';

/** 11 characters of base64url: 66 bits. */
export function digest(text: string, length = 11): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, length);
}

/**
 * `<routeId>` for everything, `<routeId>:<value>:<value>` for values. What a user made is escaped into
 * `A-Z a-z 0-9 _ . - %`, so it can neither end a part nor act in a pattern; two different values never get one name.
 */
export function channelName(routeId: string, values: readonly string[]): Channel {
  let name = routeId;
  for (const value of values) name += `:${escaped(value)}`;
  return name as Channel;
}

/** The text of a converted value, different for different values of one conversion. */
export function nameable(value: Primitive, conversion: Conversion): string {
  // Values of unknown type are named with their kind: 1 and "1" are two of them.
  return conversion === 'any' ? `${valueKind(value)[0]}${value}` : String(value);
}

const longest = 64;

function escaped(value: string): string {
  if (value.length > longest) return hashed(value);
  if (/^[\w.-]*$/.test(value)) return value;
  // A lone surrogate has no UTF-8 of its own: U+FFFD would stand for all of them.
  if (/\p{Surrogate}/u.test(value)) return hashed(value);
  return encodeURIComponent(value).replace(/[!'()*~]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Begins with `~`, which no escaped value contains. */
function hashed(value: string): string {
  return `~${createHash('sha256').update(Buffer.from(value, 'utf16le')).digest('base64url')}`;
}
