import { writeForClients } from '../../event/write-json.js';
import type { Frame } from '../../hub/frame.js';
import { once, payloads } from '../connection/frames.js';
import type { Prepared } from '../connection/socket-outlet.js';

/** Frames as server-sent events. JSON holds no line break, so one data line is enough. */
export const nextEvents = once((frames: readonly Frame[]) =>
  frames.map(({ cursor }, at) => nextEvent(cursor, payloads(frames)[at] as string)).join(''),
);

const nextEvent = (cursor: string | null, payload: string) =>
  `${cursor === null ? '' : `id: ${cursor}\n`}event: next\ndata: ${payload}\n\n`;

/** The events as bytes. They name no receiver, so they have no holes. */
export const nextBytes = once(
  (frames: readonly Frame[]): Prepared => ({ bytes: Buffer.from(nextEvents(frames)), holes: [] }),
);

/** The events as a chunk of HTTP/1.1's chunked encoding, without holes too. */
export const nextChunk = once((frames: readonly Frame[]): Prepared => {
  const events = Buffer.from(nextEvents(frames));
  const bytes = Buffer.concat([Buffer.from(`${events.length.toString(16)}\r\n`), events, Buffer.from('\r\n')]);
  return { bytes, holes: [] };
});

/** A whole result without a cursor: of a query or a mutation, or the errors of what is refused or ends. */
export function resultEvent(result: object): string {
  return `event: next\ndata: ${writeForClients(result)}\n\n`;
}

/** A cursor without an event: browsers take an `id` that stands alone as their Last-Event-ID, and show nothing. */
export function cursorEvent(cursor: string): string {
  return `id: ${cursor}\n\n`;
}

/** A heartbeat that a page can hear, with the cursor where there is one. */
export function heartbeatEvent(cursor: string | null): string {
  return `${cursor === null ? '' : `id: ${cursor}\n`}event: heartbeat\ndata: \n\n`;
}

/** The end of an operation. graphql-sse's client wants the data line, empty or not. */
export const completeEvent = 'event: complete\ndata: \n\n';

/** A comment, which clients pass over: it keeps proxies from closing a quiet stream. */
export const commentEvent = ':\n\n';
