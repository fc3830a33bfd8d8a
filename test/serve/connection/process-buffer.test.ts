import { expect, test } from 'vitest';
import { silent } from '../../../src/observe/logger.js';
import { noGatewayMetrics } from '../../../src/observe/metrics.js';
import type { Connection } from '../../../src/serve/connection/connection.js';
import { boundBuffers } from '../../../src/serve/connection/process-buffer.js';
import { eventually } from '../../support/eventually.js';

test('when all sockets together hold too much, the worst are sent away, and no more than must', async () => {
  const away: string[] = [];
  const ended: string[] = [];
  const limited: string[] = [];
  const holding = new Map([
    ['a', 10],
    ['b', 70],
    ['c', 0],
    ['d', 50],
    ['e', 30],
  ]);
  const connections = new Set(
    [...holding.keys()].map((name) => {
      const connection: Partial<Connection> = {
        waiting: () => holding.get(name) ?? 0,
        turnAway: (why) => void away.push(`${name}: ${why}`),
        terminate: () => void ended.push(name),
      };
      return connection as Connection;
    }),
  );
  const metrics = { ...noGatewayMetrics, limited: (limit: string) => void limited.push(limit) };
  let looks = 0;
  const counted = new Proxy(connections, {
    get(target, key) {
      if (key === Symbol.iterator) looks++;
      const value = Reflect.get(target, key, target) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const end = boundBuffers({ holding: counted, processBuffer: 160, observers: { metrics, logger: silent }, every: 10 });
  await eventually('it has looked', () => looks > 2);
  expect(away).toEqual([]);
  holding.set('a', 45);
  await eventually('one is away', () => away.length > 0);
  // What is on its way out counts no more.
  looks = 0;
  await eventually('it has looked again', () => looks > 2);
  expect(away).toEqual(['b: reconnect and resume']);
  expect(limited).toEqual(['processBuffer']);
  await eventually('it is ended, read or not', () => ended.length > 0);
  expect(ended).toEqual(['b']);
  end();
});
