import type { IncomingMessage } from 'node:http';
import { Fault } from '../../event/faults.js';

/** Types of which a browser asks leave (a preflight) before it sends them to another origin. */
const known: ReadonlySet<string> = new Set(['application/json', 'application/graphql+json', 'application/graphql']);

/**
 * The type of a request's body without its parameters; null where there is neither type nor body. Throws Fault
 * UNSUPPORTED_MEDIA_TYPE for any that is not known: forms, texts and what has no type every page can make a browser send, with
 * the cookie of whoever looks at it, and then only the check of the origin would stand before a mutation.
 */
export function bodyTypeOf({ headers }: IncomingMessage, body: string | null): string | null {
  if (body === null) return null;
  const [type = ''] = (headers['content-type'] ?? '').toLowerCase().split(/[;,]/, 1);
  const essence = type.trim();
  if (essence === '' && body === '') return null;
  if (!known.has(essence)) throw new Fault('UNSUPPORTED_MEDIA_TYPE', { type: essence.slice(0, 100) || 'of no type' });
  return essence;
}
