import { describe, expect, test } from 'vitest';
import { Status } from '../../src/client/status.js';

const told = ({ state, attempt, reason }: Status['current']) => ({ state, attempt, reason });

/** A status, with all that its listener has seen. */
function watched() {
  const status = new Status();
  const seen: string[] = [];
  status.subscribe(() => void seen.push(status.current.state));
  return { status, seen };
}

describe('one connection', () => {
  test('connects, is live, is cut off, fails to come back, and is live again', () => {
    const { status, seen } = watched();
    const line = status.line();
    expect(told(status.current)).toEqual({ state: 'connecting', attempt: 0, reason: null });
    line.lost('refused');
    expect(told(status.current)).toEqual({ state: 'connecting', attempt: 1, reason: 'refused' });
    line.live();
    expect(told(status.current)).toEqual({ state: 'live', attempt: 0, reason: null });
    line.lost('cut');
    expect(told(status.current)).toEqual({ state: 'resuming', attempt: 0, reason: 'cut' });
    line.lost('refused');
    expect(told(status.current)).toEqual({ state: 'resuming', attempt: 1, reason: 'refused' });
    line.live();
    expect(told(status.current)).toEqual({ state: 'live', attempt: 0, reason: null });
    expect(seen).toEqual(['connecting', 'live', 'resuming', 'resuming', 'live']);
  });

  test('that nobody wants any more leaves nothing to tell of', () => {
    const { status } = watched();
    const line = status.line();
    line.live();
    line.lost('cut');
    line.over();
    expect(told(status.current)).toEqual({ state: 'live', attempt: 0, reason: null });
  });

  test('that breaks when nobody wants it any more is none to tell of', () => {
    const { status } = watched();
    const line = status.line();
    line.live();
    line.over();
    line.lost('cut');
    line.live();
    line.lost('cut');
    expect(told(status.current)).toEqual({ state: 'live', attempt: 0, reason: null });
  });

  test('that never was live leaves it as at the beginning', () => {
    const { status } = watched();
    const line = status.line();
    line.lost('refused');
    line.over();
    expect(told(status.current)).toEqual({ state: 'connecting', attempt: 0, reason: null });
  });
});

describe('of several connections', () => {
  test('the one that comes back counts, then one that fails to begin, then those that are live', () => {
    const { status } = watched();
    const [first, second, third] = [status.line(), status.line(), status.line()];
    first.live();
    second.live();
    expect(status.current.state).toBe('live');
    third.lost('refused');
    expect(told(status.current)).toEqual({ state: 'connecting', attempt: 1, reason: 'refused' });
    first.lost('cut');
    expect(told(status.current)).toEqual({ state: 'resuming', attempt: 0, reason: 'cut' });
    first.live();
    third.live();
    expect(status.current.state).toBe('live');
  });

  test('one that only begins beside live ones is none to tell of: a list that is scrolled does not flicker', () => {
    const { status, seen } = watched();
    status.line().live();
    for (let row = 0; row < 10; row++) {
      const line = status.line();
      line.live();
      line.over();
    }
    expect(seen).toEqual(['live']);
  });
});

describe('without network', () => {
  test('it is offline at once, whatever the connections believe, and what they are once it is back', () => {
    const { status, seen } = watched();
    const line = status.line();
    line.live();
    status.online(false);
    expect(status.current.state).toBe('offline');
    line.lost('silent');
    status.online(true);
    expect(told(status.current)).toEqual({ state: 'resuming', attempt: 0, reason: 'silent' });
    expect(seen).toEqual(['live', 'offline', 'resuming']);
  });
});

describe('what it gives', () => {
  test('is the same object until something changes', () => {
    const { status, seen } = watched();
    const { current } = status;
    status.line();
    status.online(true);
    expect(status.current).toBe(current);
    expect(seen).toEqual([]);
  });

  test('says since when its state is, which another attempt does not change', () => {
    const { status } = watched();
    const line = status.line();
    line.live();
    line.lost('cut');
    const { since } = status.current;
    line.lost('refused');
    expect(status.current.since).toBe(since);
    expect(since).toBeLessThanOrEqual(Date.now());
  });

  test('is told to no listener that has left, and twice to one that came twice', () => {
    const status = new Status();
    let told = 0;
    const listener = () => void told++;
    const [leave] = [status.subscribe(listener), status.subscribe(listener)];
    status.online(false);
    expect(told).toBe(2);
    leave?.();
    status.online(true);
    expect(told).toBe(3);
  });
});
