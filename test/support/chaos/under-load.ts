import { setTimeout as wait } from 'node:timers/promises';
import { expect } from 'vitest';
import { eventually } from '../eventually.js';
import type { Stretch } from './stretches.js';
import type { World } from './world.js';

/** Until everybody has something nobody knows that every subscription has started. What comes before is not promised. */
export async function warmUp({ ledger, produce }: World): Promise<Stretch> {
  for (let round = 0; !ledger.everybodyHears(); round++) {
    if (round === 60) throw new Error('after 60 rounds not everybody has a note');
    await produce(600);
    await eventually('everybody has a note', ledger.everybodyHears, { within: 1_000 }).catch(() => undefined);
  }
  return ledger.open();
}

/** Produces `size()` notes ten times a second, or as often as Kafka takes them, until it is stopped. */
export function load({ produce }: World, size: () => number) {
  let on = true;
  const running = (async () => {
    for (; on; await wait(100)) await produce(size());
  })();
  // Told by `stop`, not as a rejection that nobody awaits.
  running.catch(() => undefined);
  return {
    stop() {
      on = false;
      return running;
    },
  };
}

/** Resolves when everybody has all that was produced so far, or was told rightly what is gone. */
export async function settled({ ledger }: World, within = 120_000): Promise<void> {
  const end = ledger.end();
  const all = () => {
    const owed = ledger.owed(end);
    if (owed > 0) throw new Error(`${owed} of those before ${end} still to come: ${ledger.verdict().join('; ')}`);
    return true;
  };
  await eventually('everybody has everything', all, { within, every: 100 });
}

/** Resolves when everybody has something that was produced after this fault began. */
export async function recovered({ ledger }: World, fault: Stretch, within = 120_000): Promise<void> {
  const all = () => {
    if (ledger.waiting(fault) > 0) throw new Error(`${ledger.waiting(fault)} clients have had nothing since`);
    return true;
  };
  await eventually(`everybody hears again after: ${fault.what}`, all, { within, every: 100 });
}

/** Everyone gets exactly what the rule says, once, and per key in order. */
export async function compare(made: World, within = 120_000): Promise<void> {
  await settled(made, within).catch(() => undefined);
  expect(made.ledger.verdict()).toEqual([]);
}
