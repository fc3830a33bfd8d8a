import { fleetAt } from '../../../src/bin/sample/transit.js';
import { opening } from '../../support/opened.js';
import { payment } from '../../support/sample.js';
import { freshTopic, kafkaClient } from '../../support/servers/services.js';

/** Milliseconds between two numbers: the sample's fleet tells where it is once a second. */
const pace = 1_000;

/**
 * Both topics of the sample, where everything has a number: with each, every vehicle is somewhere, its `time` is the
 * number, and every user pays once, `<user>-<number>`. Numbers go up by one, so a page needs no more to be judged by.
 */
export interface Numbered extends AsyncDisposable {
  readonly fleet: string;
  readonly payments: string;
  /** The newest number that Kafka has taken. */
  last(): number;
}

export async function numbered(users: readonly string[]): Promise<Numbered> {
  return opening(async (scope) => {
    const fleet = scope.use(await freshTopic('dashboard-fleet'));
    const payments = scope.use(await freshTopic('dashboard-payments', 3));
    const producer = kafkaClient().producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    scope.defer(() => producer.disconnect());
    // As the time is: the page shows it.
    let next = Math.floor(Date.now() / 1_000);

    async function tell(number: number) {
      const entity = fleetAt(number * 1_000);
      const paid = users.map((user) => payment(user, number, { id: `${user}-${number}`, amount: number % 100 }));
      await producer.sendBatch({
        topicMessages: [
          { topic: fleet.name, messages: [{ value: JSON.stringify({ entity }) }] },
          { topic: payments.name, messages: paid.map((one) => ({ key: one.userId, value: JSON.stringify(one) })) },
        ],
      });
    }

    await tell(next);
    let telling: Promise<unknown> = Promise.resolve();
    let idle = true;
    const clock = setInterval(() => {
      if (!idle) return;
      idle = false;
      telling = tell(next + 1).then(() => {
        next++;
        idle = true;
      });
    }, pace);
    scope.defer(() => {
      clearInterval(clock);
      return telling;
    });
    return {
      fleet: fleet.name,
      payments: payments.name,
      last: () => next,
    };
  });
}
