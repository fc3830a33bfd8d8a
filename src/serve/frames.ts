import type { Frame } from '../hub/frame.js';

/** A graphql-transport-ws `next` message: a prepared payload with the operation's id spliced in. */
export function nextMessage(id: string, frame: Frame): string {
  return `{"id":${JSON.stringify(id)},"type":"next","payload":${frame.payload}}`;
}

const encoded = new WeakMap<Frame, string>();

/** The same event over SSE, encoded once for all streams of a group. JSON holds no line break, so one data line is enough. */
export function nextEvent(frame: Frame): string {
  const known = encoded.get(frame);
  if (known !== undefined) return known;
  const text = `id: ${frame.cursor}\nevent: next\ndata: ${frame.payload}\n\n`;
  encoded.set(frame, text);
  return text;
}

/** An event that a resolver made, not the log: it has no cursor. */
export function resultEvent(result: object): string {
  return `event: next\ndata: ${JSON.stringify(result)}\n\n`;
}

/** Browsers take an `id` that stands alone as their Last-Event-ID, and show nothing. */
export function cursorEvent(cursor: string): string {
  return `id: ${cursor}\n\n`;
}

/** graphql-sse's client wants the data line, empty or not. */
export const completeEvent = 'event: complete\ndata: \n\n';

/** Keeps proxies from closing a quiet stream. */
export const commentEvent = ':\n\n';
