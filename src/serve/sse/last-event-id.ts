import type { IncomingMessage } from 'node:http';
import { urlOf } from '../identity/identify.js';

/** The id of a stream that has no cursor yet: whoever comes back with it begins as if with none. */
export const again = 'again';

/** The header's name in a URL, for stand-ins of EventSource that may not or will not send the header. */
const params: ReadonlySet<string> = new Set(['lastEventId', 'last-event-id']);

/** The last `id` that whoever comes back has seen: a cursor, or `again`; undefined for who comes anew. */
export function lastEventIdOf(request: IncomingMessage): string | undefined {
  const header = request.headers['last-event-id'];
  if (typeof header === 'string' && header !== '') return header;
  const shown = [...urlOf(request).searchParams].filter(([name, value]) => params.has(name) && value !== '');
  // The last one counts: stand-ins append theirs to a URL in which the page may have put an older one.
  return shown.at(-1)?.[1];
}
