import type { IncomingMessage } from 'node:http';
import { urlOf } from '../identity/identify.js';

/** What a stream gives as its id that has no cursor yet: who comes back with it begins as if with none. */
export const again = 'again';

/** What the stand-ins call it that may not or will not send the header. */
const params: ReadonlySet<string> = new Set(['lastEventId', 'last-event-id']);

/** The last `id` that whoever comes back has seen: a cursor, or `again`; undefined for who comes anew. */
export function lastEventIdOf(request: IncomingMessage): string | undefined {
  const header = request.headers['last-event-id'];
  if (typeof header === 'string' && header !== '') return header;
  const shown = [...urlOf(request).searchParams].filter(([name, value]) => params.has(name) && value !== '');
  // Stand-ins append theirs to a URL in which the page may have put an older one.
  return shown.at(-1)?.[1];
}
