import { expect, test } from 'vitest';
import type { SourceGap } from '../../src/event/publication.js';
import { events } from '../support/clients/stream.js';
import { eventually } from '../support/eventually.js';
import { listen, type River, river, tokenFor } from '../support/river.js';

const sdl = `
  type Subscription { note: Note! @kafka(topic: "notes") @where(rule: "event.userId == claims.sub") }
  type Note { id: Int! userId: ID! }`;
const query = 'subscription ($after: String) @resume(after: $after) { note { id } }';
const source = { cluster: 'test', topic: 'notes', partition: 0 };

async function mark(r: River, gap: SourceGap) {
  const { epoch, watermark, routes } = await r.log.partition(source);
  const at = watermark ?? 0;
  const empty = { last: null, entries: [], routes, fingerprint: r.streams.fingerprint };
  await r.log.append({ source, epoch, base: at, next: at, first: watermark === null, gap, ...empty });
}

/** A stream of server-sent events as a browser asks for it. */
const browser = (r: River, token: string, headers: Record<string, string> = {}) =>
  events(`${r.url}?query=${encodeURIComponent('subscription { note { id } }')}`, null, token, headers);

async function listening(r: River) {
  const token = await tokenFor({ sub: 'ada' });
  const live = listen(r.wsUrl, query, { token, extensions: { onGap: 'FAIL' } });
  await eventually('it has started', () => r.subscribed() === 1);
  await r.publish('notes', { id: 1, userId: 'ada' });
  await eventually('the first event is there', () => live.results.length === 1);
  return { live, token, cursor: live.results[0].extensions.cursor as string };
}

test('a loss of what everybody had been shown is told to nobody', async () => {
  await using r = await river(sdl);
  const { live, token, cursor } = await listening(r);
  await mark(r, { reason: 'LOG_LOST', missed: 7, since: Date.now() - 60_000 });
  await r.publish('notes', { id: 2, userId: 'ada' });
  await using back = listen(r.wsUrl, query, { token, variables: { after: cursor } });
  await eventually('both have the second', () => live.results.length === 2 && back.results.length === 1);
  expect([live.results[1], back.results[0]].map((one) => one.extensions.gap)).toEqual([undefined, undefined]);
});

test('a loss of younger events ends who wants to fail, and refuses a cursor from before it', async () => {
  await using r = await river(sdl);
  const { live, token, cursor } = await listening(r);
  await mark(r, { reason: 'LOG_LOST', missed: 7, since: Date.now() + 60_000 });
  const code = (fault: unknown) => (fault as { extensions: { code: string } }[])[0]?.extensions.code;
  expect(code(await live.ended)).toBe('EVENTS_LOST');
  await using back = listen(r.wsUrl, query, { token, variables: { after: cursor } });
  expect(code(await back.ended)).toBe('CURSOR_EXPIRED');
});

test('a gap that waits for its event survives a reconnect of a browser, whatever heartbeats came before', async () => {
  await using r = await river(sdl, { heartbeat: 20 });
  const token = await tokenFor({ sub: 'ada' });
  await r.publish('notes', { id: 1, userId: 'ada' });
  await using first = await browser(r, token);
  await eventually('it has started', () => first.cursor());
  await mark(r, { reason: 'SOURCE_LOST', missed: 7 });
  const heard = first.heartbeats();
  await eventually('heartbeats have come since', () => expect(first.heartbeats()).toBeGreaterThan(heard + 3));
  await using again = await browser(r, token, { 'last-event-id': first.cursor() as string });
  await eventually('it is back', () => again.cursor());
  await r.publish('notes', { id: 2, userId: 'ada' });
  await eventually('the event is there', () => expect(again.results).toHaveLength(1));
  expect(again.results[0].extensions.gap).toEqual({ reason: 'SOURCE_LOST', missed: 7 });
});
