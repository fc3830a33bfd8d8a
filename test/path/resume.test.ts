import { expect, test } from 'vitest';
import { eventsOf } from '../support/clients/event-stream.js';
import { eventually } from '../support/eventually.js';
import { listen, listenSse, type Result, river, tokenFor } from '../support/river.js';

const sdl = `
  type Subscription { note: Note! @kafka(topic: "notes") @where(rule: "event.userId == claims.sub") }
  type Note { id: Int! userId: ID! slow: String }`;
const all = 'subscription { note { id } }';
const ids = (results: Result[]) => results.map(({ data }) => data.note.id);
const ada = { sub: 'ada' };

test('a stream that breaks off before its first event is resumed from where the client was, not from where it had come back', async () => {
  await using r = await river(sdl);
  const token = await tokenFor(ada);
  await using first = listen(r.wsUrl, all, { token });
  await eventually('it has started', () => r.subscribed() === 1);
  await r.publish('notes', { id: 1, userId: 'ada' });
  await eventually('the first event is there', () => first.results.length === 1);
  const cursor = first.results[0].extensions.cursor as string;
  first.close();
  for (const id of [2, 3, 4]) await r.publish('notes', { id, userId: 'ada' });

  const firstId = await firstIdOf(r.url, token, cursor);
  await using again = listenSse(r.url, all, { token, extensions: { after: firstId } });
  await eventually('what was missed comes again', () => again.results.length >= 3);
  expect(ids(again.results)).toEqual([2, 3, 4]);
});

test('a subscription over WebSocket has a cursor before its first event, and before any heartbeat', async () => {
  await using r = await river(sdl);
  const token = await tokenFor(ada);
  const pings: Record<string, string>[] = [];
  const onPing = (payload: unknown) => pings.push((payload as { cursors: Record<string, string> }).cursors);
  await using first = listen(r.wsUrl, all, { token, onPing });
  await eventually('its cursor is there', () => pings.length === 1);
  first.close();
  await eventually('it has left', () => r.subscribed() === 0);
  await r.publish('notes', { id: 1, userId: 'ada' });

  const [after] = Object.values(pings[0] as Record<string, string>);
  await using again = listen((await r.replica()).wsUrl, all, { token, extensions: { after } });
  await eventually('the event that fell into the blip is there', () => again.results.length === 1);
  expect(ids(again.results)).toEqual([1]);
});

test('a heartbeat never confirms an event that a slow resolver still holds back', async () => {
  let release: (() => void)[] = [];
  const slow = () => new Promise<string>((resolve) => release.push(() => resolve('done')));
  await using r = await river(sdl, {
    resolvers: { Note: { slow: { claims: [], resolve: slow } } },
    heartbeat: 20,
  });
  const token = await tokenFor(ada);
  const pings: Record<string, string>[] = [];
  await using watching = listen(r.wsUrl, 'subscription { note { id slow } }', {
    token,
    onPing: (payload) => pings.push((payload as { cursors?: Record<string, string> })?.cursors ?? {}),
  });
  await eventually('it has started', () => r.subscribed() === 1);
  await r.publish('notes', { id: 1, userId: 'ada' });
  await eventually('the event is being resolved', () => release.length === 1);
  const before = pings.length;
  await eventually('a heartbeat has come meanwhile', () => pings.length > before + 1);
  const [cursor] = Object.values(pings.at(-1) as Record<string, string>);

  await using again = listen(r.wsUrl, 'subscription { note { id slow } }', { token, extensions: { after: cursor } });
  await eventually('it is resolved for the one that resumed', () => release.length === 2);
  for (const go of release) go();
  release = [];
  await eventually('both have it', () => watching.results.length === 1 && again.results.length === 1);
  expect([...ids(watching.results), ...ids(again.results)]).toEqual([1, 1]);
});

/** The first `id:` line of a stream, then cut. */
async function firstIdOf(url: string, token: string, cursor: string): Promise<string> {
  const authorization = `Bearer ${token}`;
  const headers = { accept: 'text/event-stream', authorization, 'last-event-id': cursor };
  for await (const { id } of eventsOf(await fetch(`${url}?query=${encodeURIComponent(all)}`, { headers }))) {
    if (id !== null) return id;
  }
  throw new Error('the stream ended without an id');
}
