import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FairTurns } from '../../../src/serve/limits/fair-turns.js';
import { eventually } from '../../support/eventually.js';

interface Message {
  readonly address: string;
  readonly n: number;
  /** Milliseconds that hearing it takes. */
  readonly cost: number;
  /** How many more come from there, each as soon as the one before is heard. */
  readonly more: number;
}

/** Who comes in one turn of the event loop, and what goes before: a break, or not. */
const arrivals = fc.array(
  fc.record({
    messages: fc.array(
      fc.record({
        from: fc.nat({ max: 40 }),
        cost: fc.constantFrom(0, 0.1, 1, 4, 7, 30),
        more: fc.constantFrom(0, 0, 0, 1, 3),
      }),
      { maxLength: 30 },
    ),
    turns: fc.nat({ max: 3 }),
  }),
  { maxLength: 12 },
);

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('nobody is lost, overtaken by their own address, or passed twice by another one', async () => {
  await fc.assert(
    fc.asyncProperty(arrivals, async (schedule) => {
      let time = 0;
      const turns = new FairTurns(() => time);
      const heard: Message[] = [];
      /** Those that had to wait: how many had been heard when they came, and how many of theirs were before them. */
      const waited = new Map<Message, { since: number; ahead: number }>();
      const came: Message[] = [];

      function come(message: Message) {
        const hear = () => {
          time += message.cost;
          heard.push(message);
          if (message.more > 0) come({ ...message, n: came.length, more: message.more - 1 });
        };
        const ahead = came.filter((one) => one.address === message.address && !heard.includes(one)).length;
        came.push(message);
        const wait = turns.wait(message.address);
        if (!wait) return hear();
        waited.set(message, { since: heard.length, ahead });
        void wait.then(hear);
      }

      for (const { messages, turns: breaks } of schedule) {
        for (const { from, ...rest } of messages) come({ address: `${from}`, n: came.length, ...rest });
        for (let n = 0; n < breaks; n++) await turn();
      }
      await eventually('all are heard', () => heard.length === came.length, { every: 0 });

      expect(new Set(heard)).toEqual(new Set(came));
      for (const address of new Set(came.map((one) => one.address))) {
        const of = (all: Message[]) => all.filter((one) => one.address === address).map(({ n }) => n);
        expect(of(heard)).toEqual(of(came));
      }
      for (const [message, { since, ahead }] of waited) {
        const before = heard.slice(since, heard.indexOf(message));
        for (const address of new Set(before.map((one) => one.address)))
          expect(before.filter((one) => one.address === address).length).toBeLessThanOrEqual(ahead + 1);
      }
      // Nothing is kept of those who have been heard: who comes now waits for nobody.
      await turn();
      expect(turns.wait('another')).toBeNull();
    }),
    { numRuns: 200 },
  );
});
