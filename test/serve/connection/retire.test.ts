import { afterEach, expect, test, vi } from 'vitest';
import type { Connection } from '../../../src/serve/connection/connection.js';
import { retire } from '../../../src/serve/connection/retire.js';

afterEach(() => vi.useRealTimers());

type Retiring = Pick<Connection, 'retire' | 'terminate'>;

/** Connections that leave when they are asked to, or never. */
function connected(count: number, leaves: boolean) {
  const connections = new Set<Retiring>();
  const asked: Retiring[] = [];
  const cut: Retiring[] = [];
  for (let n = 0; n < count; n++) {
    const connection: Retiring = {
      retire() {
        asked.push(connection);
        if (leaves) connections.delete(connection);
      },
      terminate() {
        cut.push(connection);
        connections.delete(connection);
      },
    };
    connections.add(connection);
  }
  return { connections, asked, cut };
}

test.each([-3_600_000, -1_000, 0, 1_000, 3_600_000])(
  'a replica retires in its time when the clock is set meanwhile by %s ms: each connection is asked, and only who stays is cut off',
  async (step) => {
    vi.useFakeTimers();
    for (const leaves of [true, false]) {
      const { connections, asked, cut } = connected(10, leaves);
      let over = false;
      const retiring = retire(connections, 10_000, () => 0.9).then(() => {
        over = true;
      });
      await vi.advanceTimersByTimeAsync(5_000);
      vi.setSystemTime(Date.now() + step);
      await vi.advanceTimersByTimeAsync(3_000);
      expect([over, asked.length, cut.length]).toEqual([false, 0, 0]);
      await vi.advanceTimersByTimeAsync(3_100);
      expect([over, asked.length, cut.length]).toEqual([true, 10, leaves ? 0 : 10]);
      await retiring;
    }
  },
);
