import type { Row } from './report.js';
import { openStage, type Round, type Setting, type Stage } from './round.js';
import type { SystemName } from './systems/system.js';

/** How long and how often: by the command line. */
export interface Effort {
  readonly rounds: number;
  readonly seconds: number;
  /** Small crowds and low rates: to see that all of it works, not how fast. */
  readonly smoke: boolean;
  /** Systems to leave out. */
  readonly without: ReadonlySet<SystemName>;
}

/** Figures by name, in the order in which they are shown. */
export type Figures = Readonly<Record<string, number>>;

const machineOf = ({ gatewayShare, loadShare, othersShare }: Round): Figures => ({
  'gateway %': gatewayShare * 100,
  'generator %': loadShare * 100,
  'others %': othersShare * 100,
});

export const perDelivery = (round: Round): Figures => ({
  'gateway µs a delivery': round.gateway / round.deliveries,
  'of it outside the kernel': round.gatewayUser / round.deliveries,
  'all processes µs a delivery': (round.gateway + round.redis + round.relay) / round.deliveries,
  'p50 ms': round.p50,
  'p99 ms': round.p99,
  ...machineOf(round),
});

export const perEvent = (round: Round): Figures => ({
  'relay µs an event': round.relay / round.events,
  'Redis µs': round.redis / round.events,
  'gateway µs': round.gateway / round.events,
  'of it outside the kernel': round.gatewayUser / round.events,
  'all processes µs an event': (round.relay + round.redis + round.gateway) / round.events,
  'p50 ms': round.p50,
  'p99 ms': round.p99,
  ...machineOf(round),
});

export interface Comparison {
  readonly setting: Setting;
  readonly systems: readonly SystemName[];
  /** Events per second. */
  readonly rates: readonly number[];
  readonly figures: (round: Round) => Figures;
}

/** Adds one round's figures to those of the rounds before. */
export class Gathered {
  readonly #rows = new Map<string, Row & { readonly figures: Record<string, number[]> }>();

  add(condition: string, system: string, figures: Figures): void {
    const key = `${condition}\n${system}`;
    const row = this.#rows.get(key) ?? { condition, system, figures: {} };
    for (const [name, value] of Object.entries(figures)) row.figures[name] = [...(row.figures[name] ?? []), value];
    this.#rows.set(key, row);
  }

  get rows(): Row[] {
    return [...this.#rows.values()];
  }
}

const told = (rate: number) => `${rate.toLocaleString('en')} events/s`;

/**
 * All systems are up and take their turns, round by round, so that whatever else the machine does meets all of them.
 * One that does not hold a rate is not asked for a higher one.
 */
export async function sideBySide({ setting, systems, rates, figures }: Comparison, effort: Effort) {
  const stages = new Map<SystemName, Stage>();
  const found = new Gathered();
  const notes: string[] = [];
  try {
    const opening = present(systems, effort).map(async (name) => ({ name, stage: await openStage(name, setting) }));
    // Also those that were opened beside one that failed are to be closed.
    const opened = await Promise.allSettled(opening);
    for (const one of opened) if (one.status === 'fulfilled') stages.set(one.value.name, one.value.stage);
    for (const one of opened) if (one.status === 'rejected') throw one.reason;
    for (const rate of effort.smoke ? rates.slice(0, 1) : rates) {
      for (let round = 0; round < effort.rounds; round++) {
        for (const [name, stage] of stages) {
          const result = await stage.measure(rate, effort.seconds);
          if (result) found.add(told(rate), name, figures(result));
          else {
            notes.push(`${name} does not hold ${told(rate)}.`);
            stages.delete(name);
            await stage[Symbol.asyncDispose]();
          }
        }
      }
    }
  } finally {
    for (const stage of stages.values()) await stage[Symbol.asyncDispose]();
  }
  return { rows: found.rows, notes };
}

/** A disturbed machine fails a rate now and then: it is not held when it fails so often in a row. */
const tries = 3;

/** Each system alone, at rising rates, up to the first that it does not hold or where the 99th percentile exceeds `p99` ms. */
export async function highest(
  { setting, systems, rates, figures, p99 }: Comparison & { readonly p99: number },
  effort: Effort,
) {
  const found = new Gathered();
  const notes: string[] = [];
  // Smoke has seen the others go the same ways side by side.
  const asked = effort.smoke ? systems.filter((name) => name === 'tailrace') : systems;
  for (const name of present(asked, effort)) {
    await using stage = await openStage(name, setting);
    let best: { rate: number; round: Round } | null = null;
    for (const rate of effort.smoke ? rates.slice(0, 1) : rates) {
      let round: Round | null = null;
      const isHeld = () => round !== null && round.p99 <= p99;
      for (let n = 0; n < tries && !isHeld(); n++) round = await stage.measure(rate, Math.min(2, effort.seconds));
      if (!round || !isHeld()) {
        const why = round
          ? `p99 is ${Math.round(round.p99)} ms, the generator takes ${Math.round(round.loadShare * 100)} %, gateway ${Math.round(round.gatewayShare * 100)} %, others ${Math.round(round.othersShare * 100)} % of a core`
          : 'somebody waits for more than ten seconds';
        notes.push(`${name} at ${told(rate)}: ${why}.`);
        break;
      }
      best = { rate, round };
    }
    if (best) {
      const deliveries = (best.rate * best.round.deliveries) / best.round.events;
      found.add('highest held', name, { 'events/s': best.rate, 'deliveries/s': deliveries, ...figures(best.round) });
    }
  }
  return { rows: found.rows, notes };
}

export const present = (systems: readonly SystemName[], { without }: Effort): readonly SystemName[] =>
  systems.filter((name) => !without.has(name));
