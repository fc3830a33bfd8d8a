import { type ExecutionResult, GraphQLError } from 'graphql';
import { expect, test } from 'vitest';
import { Fault } from '../../../src/event/faults.js';
import { encoded, internal } from '../../../src/graphql/render/render.js';
import { Resolved, type Results } from '../../../src/graphql/running/resolved.js';
import type { Viewer } from '../../../src/graphql/viewer.js';
import type { Frame } from '../../../src/hub/frame.js';
import { silent } from '../../../src/observe/logger.js';
import { payloadOf } from '../../../src/serve/connection/frames.js';
import { eventually } from '../../support/eventually.js';
import { Stall } from '../../support/stall.js';

const viewer = (role: string): Viewer => ({ signedIn: true, claims: { role }, expiresAt: null });

/** A source that is told what to give, and when; left, it gives nothing more, and a `next` that waits is never answered. */
function source() {
  const given: ExecutionResult[] = [];
  let wake = () => {};
  const seen = { left: false, asked: 0 };
  const results = {
    async next() {
      seen.asked++;
      while (given.length === 0 || seen.left) await new Promise<void>((resolve) => (wake = resolve));
      return { done: false, value: given.shift() };
    },
    async return() {
      seen.left = true;
      return { done: true, value: undefined };
    },
  } as unknown as Results;
  const give = (n: number) => {
    given.push({ data: { n } });
    wake();
  };
  return { results, give, seen };
}

function running(results: Results, subscribe: (viewer: Viewer) => Promise<Results> = async () => results) {
  const lines: object[] = [];
  const logger = { ...silent, error: (fields: object) => void lines.push(fields) };
  const told: unknown[] = [];
  const stall = new Stall();
  const resolved = new Resolved('typing', viewer('user'), results, {
    subscribe,
    encode: (result) => encoded(result, logger),
    masked: (error) => internal(error, logger),
  });
  const outlet = {
    write: (frames: readonly Frame[]) =>
      void told.push(...frames.map((frame) => ({ ...JSON.parse(payloadOf(frame)), cursor: frame.cursor }))),
    drained: () => stall.drained(),
    end: () => void told.push('end'),
    fail: ({ code }: Fault) => void told.push(code),
  };
  return { resolved, told, lines, stall, start: () => resolved.start(outlet) };
}

const shown = (n: number) => ({ data: { n }, cursor: null });

test('what a resolver yields is written in its order, without a cursor, and its end is told', async () => {
  async function* three() {
    for (const n of [1, 2, 3]) yield { data: { n } };
  }
  const r = running(three());
  r.start();
  await eventually('it has ended', () => r.told.includes('end'));
  expect(r.told).toEqual([shown(1), shown(2), shown(3), 'end']);
  expect([r.resolved.cursor(), r.resolved.gap]).toEqual([null, null]);
});

test('its source is not asked for more while the socket is full', async () => {
  const { results, give, seen } = source();
  const r = running(results);
  r.stall.begin();
  r.start();
  for (const n of [1, 2, 3]) give(n);
  await new Promise(setImmediate);
  expect([seen.asked, r.told]).toEqual([0, []]);
  r.stall.end();
  await eventually('all is written', () => r.told.length === 3);
});

test('it has its errors masked, and a failing source too', async () => {
  async function* failing() {
    yield { errors: [new GraphQLError('bad', { originalError: new Error('1234') })] };
    throw new Error('1234');
  }
  const r = running(failing());
  r.start();
  await eventually('it has failed', () => r.told.includes('INTERNAL_SERVER_ERROR'));
  expect(r.told).toHaveLength(2);
  expect(JSON.stringify(r.told)).not.toContain('1234');
  expect(r.lines).toHaveLength(2);
});

test('it is given up at once, though its next result never comes, and its outlet hears nothing more', async () => {
  const { results, give, seen } = source();
  const r = running(results);
  r.start();
  await eventually('it is asked', () => seen.asked === 1);
  r.resolved.close();
  expect(seen.left).toBe(true);
  give(1);
  await new Promise(setImmediate);
  expect(r.told).toEqual([]);
});

test('closed before it was started, it never begins', async () => {
  const { results, seen } = source();
  const r = running(results);
  r.resolved.close();
  r.start();
  await new Promise(setImmediate);
  expect(seen).toEqual({ left: true, asked: 0 });
});

test.each(['before it starts', 'while it runs'])(
  'a token renewed %s with other rights goes on from a new source, though the old one never answers',
  async (when) => {
    const [old, renewed] = [source(), source()];
    const r = running(old.results, async () => renewed.results);
    const renew = async () => (await r.resolved.renew(viewer('admin'))).commit();
    if (when === 'before it starts') await renew();
    r.start();
    if (when === 'while it runs') await renew();
    expect(old.seen.left).toBe(true);
    old.give(1);
    renewed.give(2);
    await eventually('the new one is heard', () => r.told.length > 0);
    expect(r.told).toEqual([shown(2)]);
  },
);

test.each(['before it starts', 'while it runs'])(
  'a token renewed %s that may not have it any more ends it, and one that cannot be judged now changes nothing',
  async (when) => {
    const { results, give, seen } = source();
    let why: 'UNAVAILABLE' | 'FORBIDDEN' = 'UNAVAILABLE';
    const r = running(results, () => Promise.reject(new Fault(why, { why: '' })));
    if (when === 'while it runs') r.start();
    await expect(r.resolved.renew(viewer('guest'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(seen.left).toBe(false);
    why = 'FORBIDDEN';
    const renewal = await r.resolved.renew(viewer('guest'));
    expect(r.told).toEqual([]);
    renewal.commit();
    if (when === 'before it starts') r.start();
    expect([r.told, seen.left]).toEqual([['FORBIDDEN'], true]);
    give(1);
    await new Promise(setImmediate);
    expect(r.told).toEqual(['FORBIDDEN']);
  },
);
