import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { LiveClient, Request, Sink } from '../../../src/client/live/subscriber.js';
import type { Locks } from '../../../src/client/shared-worker/lifetime.js';
import type { FromPage, FromWorker } from '../../../src/client/shared-worker/messages.js';
import { sharedClient } from '../../../src/client/shared-worker/shared-client.js';
import { eventually } from '../../support/eventually.js';
import { webLocks } from './web-locks.js';

const ports: MessagePort[] = [];
const clients: LiveClient[] = [];
let locks: Locks;
beforeEach(() => {
  locks = webLocks();
  vi.stubGlobal('navigator', { locks });
  vi.stubGlobal('SharedWorker', class {});
});
afterEach(() => {
  for (const client of clients.splice(0)) client.dispose();
  for (const port of ports.splice(0)) port.close();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** A page, and workers that welcome it when a test lets them, and do no more. */
function page({ welcomes = true, dies = false } = {}) {
  const started: { readonly heard: FromPage[]; welcome(): void; say(message: FromWorker): void; die(): void }[] = [];
  const worker = () => {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    const name = `worker ${started.length}`;
    let die = () => {};
    void locks.request(name, () => new Promise<void>((resolve) => (die = resolve)));
    const heard: FromPage[] = [];
    const say = (message: FromWorker) => port2.postMessage(message);
    const welcome = () => say({ type: 'welcome', lock: name });
    port2.onmessage = ({ data }: { data: FromPage }) => {
      heard.push(data);
      if (data.type !== 'hello' || !welcomes) return;
      welcome();
      if (dies) die();
    };
    started.push({ heard, welcome, say, die: () => die() });
    return { port: port1, onerror: null };
  };
  const alone = () => {
    throw new Error('It is never alone here');
  };
  const client = sharedClient({ worker, alone, viewer: 'ada' });
  clients.push(client);
  return { client, started };
}

function hearing() {
  const heard: unknown[] = [];
  const sink: Sink = {
    next: ({ data }) => void heard.push(data),
    error: (error) => void heard.push(error),
    complete: () => void heard.push('complete'),
  };
  return { heard, sink };
}

const request: Request = { query: 'subscription { n }' };
const subscribed = (heard: readonly FromPage[]) => heard.filter((one) => one.type === 'subscribe');

test('a worker that dies as soon as it has welcomed its page is started again after a wait', async () => {
  const random = vi.spyOn(Math, 'random').mockReturnValue(0);
  const { started } = page({ dies: true });
  await eventually('a few', () => started.length > 3);
  expect(random.mock.calls.length).toBeGreaterThanOrEqual(started.length - 1);
});

test('that wait grows with each worker that brings nothing, and is short again after one that does', async () => {
  vi.spyOn(Math, 'random').mockReturnValue(0.001);
  const timer = vi.spyOn(globalThis, 'setTimeout');
  const { client, started } = page();
  const { heard, sink } = hearing();
  client.subscribe(request, sink);
  const asked = (count: number) =>
    eventually('it is asked', () => subscribed(started[count - 1]?.heard ?? []).length === 1);
  await asked(1);
  started[0]?.die();
  await asked(2);
  started[1]?.die();
  await asked(3);
  started[2]?.say({ type: 'next', id: 1, result: { data: 'something' } });
  await eventually('it has come', () => heard.length === 1);
  started[2]?.die();
  await asked(4);
  const waits = timer.mock.calls.map(([, wait]) => Number(wait)).filter((wait) => wait > 0 && wait < 10);
  expect(waits).toEqual([0.5, 1, 0.5]);
});

test('what is subscribed after its end is complete at once: it would wait without end', async () => {
  const { client, started } = page();
  const before = hearing();
  client.subscribe(request, before.sink);
  await eventually('it is asked', () => subscribed(started[0]?.heard ?? []).length === 1);
  client.dispose();
  const after = hearing();
  client.subscribe(request, after.sink);
  await eventually('both are over', () => before.heard.length + after.heard.length === 2);
  expect([before.heard, after.heard]).toEqual([['complete'], ['complete']]);
});

test('variables are sent as JSON, as every GraphQL client sends them, and trouble no other subscription', async () => {
  const { client, started } = page({ welcomes: false });
  await eventually('the worker', () => started[0]?.heard.length === 1);
  const [one, other] = [hearing(), hearing()];
  client.subscribe({ ...request, variables: { f() {}, at: new Date(0), none: undefined } }, one.sink);
  client.subscribe(request, other.sink);
  const circle: Record<string, unknown> = {};
  circle.circle = circle;
  expect(() => client.subscribe({ ...request, variables: circle }, hearing().sink)).toThrow('circular');
  started[0]?.welcome();
  const asked = () => subscribed(started[0]?.heard ?? []);
  await eventually('both are asked', () => asked().length === 2);
  expect(asked().map((message) => message.request)).toEqual([
    { ...request, variables: { at: '1970-01-01T00:00:00.000Z' } },
    request,
  ]);
});
