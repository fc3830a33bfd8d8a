import fc from 'fast-check';
import { eventually } from '../../support/eventually.js';
import { turns } from '../../support/log/hostile-log.js';
import { type Step, scheduleOf } from '../../support/schedule.js';
import { type Case, sdlOf, topics } from './case.js';
import { aCase, drawn } from './draw.js';
import { World } from './world.js';

/** One schema, and one day on it, in words that a failure can be read by. */
export interface Hunt {
  toString(): string;
  run(): Promise<Seen>;
}

/** How much a hunt was about: one in which nobody is shown anything finds nothing. */
export interface Seen {
  readonly shown: number;
  /** Of those shown: by a frame that somebody else was handed too. */
  readonly shared: number;
  readonly hidden: number;
}

const happens = scheduleOf<World>();

const few = fc.nat({ max: 4 });
const someone = fc.nat({ max: 7 });
const either = fc.nat({ max: 1 });

function stepOf(given: Case) {
  const { rights: anyone, ask, event, field } = drawn(given);
  return fc.oneof(
    happens(
      14,
      'produce',
      [fc.constantFrom(...topics), either, fc.array(event, { minLength: 1, maxLength: 4 })],
      (w, topic, partition, some) => w.produce(topic, partition, some),
    ),
    happens(3, 'turns', [few], (_, count) => turns(count)),
    happens(8, 'joins', [anyone, field, ask, either], (w, rights, one, how, at) => w.join(rights, one, how, at)),
    happens(3, 'asks too', [someone, field, ask, either], (w, n, one, how, at) =>
      w.person(n)?.ask(w.field(one), how, at),
    ),
    happens(4, 'somebody like', [someone, anyone], (w, n, rights) => w.joinLike(n, rights)),
    happens(3, 'renews', [someone, anyone], (w, n, rights) => w.person(n)?.renew(rights)),
    happens(1, 'is revoked', [someone], (w, n) => w.person(n)?.revoke()),
    happens(1, 'leaves', [someone, few], (w, n, m) => w.reader(n, m)?.leave()),
    happens(3, 'comes back', [someone, few, either], (w, n, m, at) => w.reader(n, m)?.connect(at)),
    happens(2, 'takes the cursor of', [someone, few, someone, few, either], (w, n, m, o, p, at) =>
      w.borrow([n, m], [o, p], at),
    ),
    happens(2, 'stalls', [someone, few], (w, n, m) => w.reader(n, m)?.stall()),
    happens(2, 'drains', [someone, few], (w, n, m) => w.reader(n, m)?.drain()),
    happens(2, 'hears a heartbeat', [someone, few], (w, n, m) => w.reader(n, m)?.heartbeat()),
    happens(1, 'commits are dropped', [either, few], (w, at, count) => w.log.tails[at]?.drop(count)),
    happens(1, 'the tail is interrupted', [either], (w, at) => w.log.tails[at]?.interrupt()),
    happens(1, 'the tail is restored', [either], (w, at) => w.log.tails[at]?.restore()),
    happens(1, 'the tail stalls', [either], (w, at) => w.log.tails[at]?.stall()),
    happens(1, 'the tail goes on', [either], (w, at) => w.log.tails[at]?.go()),
    happens(2, 'answers take', [few], (w, count) => w.latency(count)),
    happens(1, 'answers fail', [few], (w, count) => w.failing(count)),
  );
}

export const aHunt: fc.Arbitrary<Hunt> = aCase.chain((given) =>
  fc.array(stepOf(given), { minLength: 10, maxLength: 60, size: 'max' }).map((steps) => ({
    toString: () => `${sdlOf(given)}\n${steps.map((step) => `  ${step}`).join('\n')}\n`,
    run: () => hunted(given, steps),
  })),
);

/** Throws when something leaked, came twice, out of order or never. */
async function hunted(given: Case, steps: readonly Step<World>[]): Promise<Seen> {
  const world = await World.of(given);
  try {
    for (const step of steps) {
      world.clock++;
      await step.run(world);
      nothing(world.faults(false));
    }
    // The day ends: everything works again, and everybody comes back.
    world.latency(0);
    world.failing(0);
    for (const tail of world.log.tails) {
      tail.interrupt();
      tail.restore();
    }
    const everything = async () => {
      await world.everybodyBack();
      nothing(world.faults(false));
      return world.faults(true).length === 0;
    };
    await eventually('everybody has everything', everything, { within: 1_500, every: 2 }).catch(() =>
      nothing(world.faults(true)),
    );
    return world.seen();
  } finally {
    await world.close();
  }
}

function nothing(faults: readonly string[]): void {
  if (faults.length > 0) throw new Error(faults.join('\n'));
}
