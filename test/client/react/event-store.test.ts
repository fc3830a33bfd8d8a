import { expect, test } from 'vitest';
import type { Request, Result, Sink, Subscriber } from '../../../src/client/live/subscriber.js';
import { eventStore } from '../../../src/client/react/event-store.js';
import { eventually } from '../../support/eventually.js';

interface Subscribed extends Sink {
  readonly request: Request;
  left: boolean;
}

/** A client that says what a test has it say. */
function scripted() {
  const subscriptions: Subscribed[] = [];
  const client = {
    subscribe(request: Request, sink: Sink) {
      const subscribed: Subscribed = Object.assign(Object.create(null), sink, { request, left: false });
      subscriptions.push(subscribed);
      return () => {
        subscribed.left = true;
        sink.complete();
      };
    },
  };
  return { client, subscriptions, newest: () => subscriptions.at(-1) as Subscribed };
}

/** One that tells gaps and cursors itself. */
const live = (client: Subscriber) => {
  const current = { state: 'live', since: 0, attempt: 0, reason: null } as const;
  return { ...client, connection: { current, subscribe: () => () => {} }, dispose() {} } as never as Subscriber;
};

const query = 'subscription { n }';
const next = (n: number | null, extensions: Result['extensions'] = { cursor: `c${n}` }): Result => ({
  data: { n },
  ...(extensions ? { extensions } : {}),
});
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('all that comes within a moment is told once, and a snapshot is the same object until then', async () => {
  const { client, newest } = scripted();
  const store = eventStore<{ n: number }, never>(client, query);
  let told = 0;
  store.subscribe(() => void told++);
  store.open();
  await turn();
  const before = store.getSnapshot();
  for (let n = 0; n < 500; n++) newest().next(next(n));
  expect(store.getSnapshot()).toBe(before);
  await eventually('it is told', () => told > 0);
  expect(told).toBe(1);
  expect(store.getSnapshot()).toBe(store.getSnapshot());
  expect(store.getSnapshot().events).toEqual(Array.from({ length: 100 }, (_, at) => 400 + at));
  expect(store.getSnapshot()).toMatchObject({ latest: 499, cursor: 'c499', ready: true, error: null, ended: false });
});

test('whoever asks for every event hears it, once and in order, whatever one render passes over', async () => {
  const { client, newest } = scripted();
  const heard: unknown[] = [];
  const store = eventStore<{ n: number }, never>(client, query, {
    keep: 1,
    onEvent: (event, cursor) => heard.push([event, cursor]),
  });
  store.open();
  await turn();
  for (const n of [1, 2, 2, 3]) newest().next(next(n));
  expect(heard).toEqual([
    [1, 'c1'],
    [2, 'c2'],
    [3, 'c3'],
  ]);
});

test('opened, closed and opened in one go, as StrictMode does, it subscribes once', async () => {
  const { client, subscriptions } = scripted();
  const store = eventStore(client, query);
  const close = store.open();
  close();
  close();
  const closeAgain = store.open();
  await turn();
  expect(subscriptions.map(({ left }) => left)).toEqual([false]);
  closeAgain();
  await turn();
  expect(subscriptions.map(({ left }) => left)).toEqual([true]);
});

test('opened and closed in one go, as a row that flies by, it asks for nothing', async () => {
  const { client, subscriptions } = scripted();
  eventStore(client, query).open()();
  await turn();
  expect(subscriptions).toEqual([]);
});

test('several may have it open: it is left with the last of them', async () => {
  const { client, subscriptions } = scripted();
  const store = eventStore(client, query);
  const closes = [store.open(), store.open()];
  await turn();
  closes[0]?.();
  await turn();
  expect(subscriptions.map(({ left }) => left)).toEqual([false]);
  closes[1]?.();
  await turn();
  expect(subscriptions.map(({ left }) => left)).toEqual([true]);
});

test('opened again it goes on behind the last event it has, and what its old subscription still brings is not heard', async () => {
  const { client, subscriptions } = scripted();
  const store = eventStore<{ n: number }, never>(client, query, { extensions: { tag: 'mine' } });
  store.open()();
  const close = store.open();
  await turn();
  subscriptions[0]?.next(next(1));
  close();
  await turn();
  store.open();
  await turn();
  subscriptions[0]?.next(next(9));
  subscriptions[1]?.next(next(2));
  subscriptions[1]?.next(next(3));
  await eventually('three events', () => store.getSnapshot().events.length === 3);
  expect(subscriptions.map(({ request }) => request.extensions)).toEqual([
    { tag: 'mine' },
    { tag: 'mine', onGap: 'CONTINUE', after: 'c1' },
  ]);
  expect(store.getSnapshot()).toMatchObject({ events: [1, 2, 3], ended: false });
});

test('it begins after the cursor that it was given, and ends at a gap only if it was asked to', async () => {
  const { client, subscriptions } = scripted();
  for (const extensions of [undefined, { onGap: 'FAIL' }])
    eventStore(client, query, { after: 'c0', extensions }).open();
  await turn();
  expect(subscriptions.map(({ request }) => request.extensions)).toEqual([
    { after: 'c0', onGap: 'CONTINUE' },
    { after: 'c0', onGap: 'FAIL' },
  ]);
});

test("an event's own errors are shown beside it and end nothing", async () => {
  const { client, newest } = scripted();
  const store = eventStore<{ n: number }, never>(client, query);
  store.open();
  await turn();
  newest().next({ ...next(1), errors: [{ message: 'a field of it' }] });
  await eventually('the error', () => store.getSnapshot().error?.message === 'a field of it');
  newest().next({ ...next(null, { cursor: 'c2' }), errors: [{ message: 'all of it' }] });
  await eventually('the other', () => store.getSnapshot().error?.message === 'all of it');
  expect(store.getSnapshot()).toMatchObject({ events: [1], cursor: 'c2', ended: false });
  newest().next(next(3));
  await eventually('the next event', () => store.getSnapshot().latest === 3);
  expect(store.getSnapshot()).toMatchObject({ events: [1, 3], error: null });
});

test('what it ended with is told, and it comes back where it was when it is asked to', async () => {
  const { client, newest, subscriptions } = scripted();
  const store = eventStore<{ n: number }, never>(client, query);
  store.open();
  await turn();
  newest().next(next(1));
  newest().error([{ message: 'No room', extensions: { code: 'LIMIT_EXCEEDED' } }]);
  await eventually('the end', () => store.getSnapshot().ended);
  expect(store.getSnapshot().error?.message).toBe('No room');
  expect(store.getSnapshot().error?.errors?.[0]?.extensions?.code).toBe('LIMIT_EXCEEDED');
  store.restart();
  expect(subscriptions[1]?.request.extensions).toEqual({ onGap: 'CONTINUE', after: 'c1' });
  newest().next(next(2));
  await eventually('it goes on', () => store.getSnapshot().latest === 2);
  expect(store.getSnapshot()).toMatchObject({ events: [1, 2], ended: false, error: null });
});

test('a gap is told, once where the client tells it, and a page may put it away', async () => {
  const { client, newest } = scripted();
  const gap = { reason: 'TRIMMED', missed: null } as const;
  const read = eventStore<{ n: number }, never>(client, query);
  read.open();
  await turn();
  newest().next(next(1, { cursor: 'c1', gap }));
  await eventually('it was read in the event', () => read.getSnapshot().gap?.reason === 'TRIMMED');
  const store = eventStore<{ n: number }, never>(live(client), query);
  store.open();
  await turn();
  newest().gap?.({ ...gap, ended: false, oldest: null });
  await eventually('it was told ahead of its event', () => store.getSnapshot().gap?.reason === 'TRIMMED');
  store.clear();
  newest().next(next(1, { cursor: 'c1', gap }));
  await eventually('its event', () => store.getSnapshot().latest === 1);
  expect(store.getSnapshot().gap).toBe(null);
});

test('a heartbeat moves the cursor and is no reason to render', async () => {
  const { client, newest } = scripted();
  const store = eventStore<{ n: number }, never>(live(client), query);
  let told = 0;
  store.subscribe(() => void told++);
  const close = store.open();
  await turn();
  newest().ready?.();
  await eventually('it is ready', () => store.getSnapshot().ready);
  newest().cursor?.('c7');
  await turn();
  expect(told).toBe(1);
  close();
  await turn();
  store.open();
  await turn();
  expect(newest().request.extensions).toEqual({ onGap: 'CONTINUE', after: 'c7' });
});
