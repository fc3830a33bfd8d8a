import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { noGatewayMetrics } from '../../../src/observe/metrics.js';
import { admissionOf } from '../../../src/serve/limits/admission.js';
import { FairTurns } from '../../../src/serve/limits/fair-turns.js';
import { defaultLimits } from '../../../src/serve/limits/limits.js';
import { memoryBudget } from '../../../src/serve/limits/mutation-budget.js';
import { eventually } from '../../support/eventually.js';

const request = { headers: {}, socket: { remoteAddress: '10.0.0.1' } } as unknown as IncomingMessage;
const ada = { signedIn: true, claims: { sub: 'ada' }, expiresAt: null };

/** What comes in by one address; a turn of the event loop hears nobody while `isBusy`. */
function admission(limits: object) {
  const turns = new FairTurns(() => (busy.is ? ++busy.now * 1_000 : 0));
  const busy = { is: false, now: 0 };
  const parts = { trustedHops: 0, mutations: memoryBudget(100), turns, metrics: noGatewayMetrics };
  return { busy, admits: admissionOf({ ...parts, limits: { ...defaultLimits, roomWait: 600_000, ...limits } }) };
}

test('room for many at once is not one long turn: who has waited begins in turns, in their order', async () => {
  const { busy, admits } = admission({ subscriptionsPerUser: 20, subscriptionsPerSocket: 20 });
  const [leaving, staying] = [admits.enter(request), admits.enter(request)];
  for (const place of [leaving, staying]) place.claim(ada);
  for (let n = 0; n < 20; n++) {
    const admittance = leaving.admittance(0);
    await admittance.admit('subscription', 1);
    leaving.began(admittance);
  }
  const begun: number[] = [];
  for (let n = 0; n < 20; n++)
    void staying
      .admittance(0)
      .admit('subscription', 1)
      .then(() => begun.push(n));
  busy.is = true;
  leaving.leave();
  await new Promise((resolve) => process.nextTick(resolve));
  expect(begun.length).toBeLessThan(3);
  await eventually('all have begun', () => begun.length === 20);
  expect(begun).toEqual(Array.from({ length: 20 }, (_, n) => n));
});

test('a connection that ends gives back what all its operations had, whatever became of them, and once', async () => {
  const { admits } = admission({ subscriptionsPerUser: 3 });
  const [leaving, staying] = [admits.enter(request), admits.enter(request)];
  for (const place of [leaving, staying]) place.claim(ada);
  const [runs, opens, ends] = [1, 2, 3].map(() => leaving.admittance(0));
  for (const admittance of [runs, opens, ends]) await admittance?.admit('subscription', 1);
  for (const admittance of [runs, ends]) if (admittance) leaving.began(admittance);
  leaving.ended();
  leaving.clear();
  opens?.leave();
  leaving.ended();
  leaving.leave();
  leaving.leave();
  let admitted = 0;
  for (let n = 0; n < 5; n++)
    void staying
      .admittance(0)
      .admit('subscription', 1)
      .then(() => admitted++);
  await eventually('as many as a user may have are admitted', () => admitted >= 3);
  expect(admitted).toBe(3);
});
