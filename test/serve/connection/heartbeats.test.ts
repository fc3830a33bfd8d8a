import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Heartbeats } from '../../../src/serve/connection/heartbeats.js';

const period = 12_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Beats are noted with the moment at which they came. */
function beating() {
  const began = Date.now();
  const beats: number[] = [];
  return { beats, beat: () => void beats.push(Date.now() - began) };
}

test('a connection is beaten once in every period, the first time a period after it came', async () => {
  const wheel = new Heartbeats(period);
  const one = beating();
  await vi.advanceTimersByTimeAsync(3_333);
  wheel.add(one);
  await vi.advanceTimersByTimeAsync(5 * period);
  expect(one.beats.length).toBe(5);
  expect(one.beats[0]).toBeGreaterThan(3_333 + period - 200);
  expect(one.beats[0]).toBeLessThanOrEqual(3_333 + period);
  for (const [i, at] of one.beats.slice(1).entries()) expect(at - (one.beats[i] as number)).toBe(period);
  wheel.close();
});

test('connections that came at different moments are beaten at different moments', async () => {
  const wheel = new Heartbeats(period);
  const all = Array.from({ length: 60 }, beating);
  for (const one of all) {
    wheel.add(one);
    await vi.advanceTimersByTimeAsync(period / 60);
  }
  await vi.advanceTimersByTimeAsync(period);
  expect(new Set(all.map(({ beats }) => beats[0])).size).toBe(60);
  wheel.close();
});

test('one that was removed is beaten no more, also when it goes while it is beaten', async () => {
  const wheel = new Heartbeats(period);
  const [gone, stays] = [beating(), beating()];
  const slot = wheel.add({ beat: () => wheel.remove(gone, slot) });
  wheel.add(gone);
  wheel.add(stays);
  await vi.advanceTimersByTimeAsync(2 * period);
  expect(gone.beats).toEqual([]);
  expect(stays.beats.length).toBe(2);
  wheel.close();
});

test('a period of a few milliseconds is kept as well', async () => {
  const wheel = new Heartbeats(15);
  const one = beating();
  wheel.add(one);
  await vi.advanceTimersByTimeAsync(150);
  expect(one.beats.length).toBe(10);
  wheel.close();
});
