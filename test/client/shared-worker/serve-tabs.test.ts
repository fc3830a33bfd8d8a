import { afterEach, expect, test } from 'vitest';
import type { Request, Sink } from '../../../src/client/live/subscriber.js';
import type { FromPage, FromWorker } from '../../../src/client/shared-worker/messages.js';
import { serve, type Viewer, type WorkerScope } from '../../../src/client/shared-worker/serve-tabs.js';
import { eventually } from '../../support/eventually.js';
import { webLocks } from './web-locks.js';

const ports: MessagePort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

interface Asked {
  readonly request: Request;
  readonly sink: Sink;
  left: boolean;
}

/** A worker with a client that says what a test has it say, and pages that can die. */
function worker({ patience }: { patience?: number } = {}) {
  const held = webLocks();
  const scope: WorkerScope = { onconnect: null };
  const asked: Asked[] = [];
  const viewers: Viewer[] = [];
  const disposed: string[] = [];
  const current = { state: 'live', since: 0, attempt: 0, reason: null } as const;
  const clientFor = (viewer: Viewer) => {
    viewers.push(viewer);
    return {
      connection: { current, subscribe: () => () => {} },
      subscribe(request: Request, sink: Sink) {
        const one: Asked = { request, sink, left: false };
        asked.push(one);
        return () => {
          one.left = true;
        };
      },
      dispose: () => void disposed.push(viewer.name),
    };
  };
  serve(clientFor, scope, held, patience);

  async function tab(viewer: string, token: string | null | 'never' = null) {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    const heard: FromWorker[] = [];
    const say = (message: FromPage) => port1.postMessage(message);
    port1.onmessage = ({ data }: { data: FromWorker }) => {
      heard.push(data);
      if (data.type === 'token' && token !== 'never') say({ type: 'token', token });
    };
    const lock = `${viewer} ${ports.length}`;
    const died = { now: () => {} };
    void held.request(lock, () => new Promise<void>((resolve) => Object.assign(died, { now: resolve })));
    scope.onconnect?.({ ports: [port2 as never] });
    say({ type: 'hello', viewer, lock });
    await eventually('the worker is there', () => heard.some(({ type }) => type === 'welcome'));
    return {
      heard,
      say,
      die: () => died.now(),
      async subscribe(id: number, place: string | null = null): Promise<Asked> {
        const before = asked.length;
        say({ type: 'subscribe', id, request: { query: 'subscription { n }' }, place });
        await eventually('it is asked', () => asked.length > before);
        return asked.at(-1) as Asked;
      },
    };
  }
  return { tab, asked, viewers, disposed };
}

const next = (n: number) => ({ data: { n }, extensions: { cursor: `c${n}` } });
const kinds = (heard: readonly FromWorker[]) => heard.map(({ type }) => type);

test('each viewer has a client, which goes with the last of their tabs', async () => {
  const w = worker();
  const [one, other] = [await w.tab('ada'), await w.tab('ada')];
  await w.tab('grace');
  expect(w.viewers.map(({ name }) => name)).toEqual(['ada', 'grace']);
  const mine = await one.subscribe(1);
  one.die();
  await eventually('its subscription is left', () => mine.left);
  expect(w.disposed).toEqual([]);
  other.die();
  await eventually('the client is gone', () => w.disposed.length > 0);
  expect(w.disposed).toEqual(['ada']);
});

test('the newest tab is asked for a token, and another one where it has none, or is gone', async () => {
  const w = worker();
  await w.tab('ada', 'first');
  const second = await w.tab('ada', 'second');
  await w.tab('ada', null);
  const token = () => w.viewers[0]?.token();
  expect(await token()).toBe('second');
  second.die();
  await eventually('the other one is asked', async () => (await token()) === 'first');
  expect(await w.viewers[0]?.token.headers()).toEqual({ authorization: 'Bearer first' });
});

test('where no tab has a token that is said, and every tab learns which one was refused', async () => {
  const w = worker();
  const { heard } = await w.tab('ada', null);
  await expect(w.viewers[0]?.token()).rejects.toThrow('No page has a token');
  w.viewers[0]?.token.headers.refused?.('old');
  await eventually('it is told', () => heard.some((one) => one.type === 'refused' && one.token === 'old'));
});

test('a tab that hangs over its token keeps no other from giving one', async () => {
  const w = worker({ patience: 250 });
  await w.tab('ada', 'first');
  await w.tab('ada', null);
  await w.tab('ada', 'never');
  const { heard } = await w.tab('ada', 'never');
  expect(await w.viewers[0]?.token()).toBe('first');
  const asked = () => heard.filter(({ type }) => type === 'token').length;
  expect(asked()).toBe(1);
  // Who owes an answer is asked after all others.
  expect(await w.viewers[0]?.token()).toBe('first');
  expect(asked()).toBe(1);
});

test('a tab that is slow with its token still gives it, where no other has one', async () => {
  const w = worker({ patience: 1 });
  const { heard, say } = await w.tab('ada', 'never');
  await w.tab('ada', null);
  const token = w.viewers[0]?.token();
  await eventually('it is asked', () => heard.some(({ type }) => type === 'token'));
  const another = w.viewers[0]?.token();
  await eventually('it is asked again', () => heard.filter(({ type }) => type === 'token').length === 2);
  // The page hangs over the first question, and answers the second.
  say({ type: 'token', token: 'late' });
  expect(await Promise.all([token, another])).toEqual(['late', 'late']);
});

test('what a subscription is told its own page hears, in order, and nobody else', async () => {
  const w = worker();
  const [one, other] = [await w.tab('ada'), await w.tab('ada')];
  const { sink } = await one.subscribe(7);
  sink.ready?.();
  sink.cursor?.('c0');
  sink.next(next(1));
  sink.cursor?.('c1');
  sink.gap?.({ reason: 'TRIMMED', missed: null, ended: false, oldest: null });
  sink.error([{ message: 'No room' }]);
  sink.complete();
  await eventually('its end', () => one.heard.some(({ type }) => type === 'error'));
  expect(kinds(one.heard)).toEqual(['welcome', 'connection', 'ready', 'cursor', 'next', 'gap', 'error']);
  expect(one.heard.at(-1)).toEqual({ type: 'error', id: 7, errors: [{ message: 'No room' }], reason: 'No room' });
  expect(kinds(other.heard)).toEqual(['welcome', 'connection']);
});

test('a place is where something was shown, not where it was sent: the next tab begins there', async () => {
  const w = worker();
  const one = await w.tab('ada');
  await w.tab('ada');
  const { sink } = await one.subscribe(1, 'n');
  sink.cursor?.('c0');
  expect((await one.subscribe(2, 'n')).request.extensions).toEqual({ onGap: 'CONTINUE', after: 'c0' });
  sink.next(next(1));
  sink.cursor?.('c1');
  sink.next(next(2));
  sink.cursor?.('c2');
  one.say({ type: 'shown', cursors: [[1, 'c1']] });
  // Heard by then: a port keeps its order.
  await one.subscribe(3);
  sink.cursor?.('of a heartbeat');
  one.die();
  await eventually('it is left', () => w.asked[0]?.left === true);
  const later = await w.tab('ada');
  expect((await later.subscribe(1, 'n')).request.extensions).toEqual({ onGap: 'CONTINUE', after: 'c1' });
  expect((await later.subscribe(2, 'another')).request.extensions).toBeUndefined();
  expect((await later.subscribe(3)).request.extensions).toBeUndefined();
  const grace = await w.tab('grace');
  expect((await grace.subscribe(1, 'n')).request.extensions).toBeUndefined();
});
