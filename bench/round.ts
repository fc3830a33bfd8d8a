import { setTimeout as wait } from 'node:timers/promises';
import { eventually } from '../test/support/eventually.js';
import { type KindName, subjectOf, watchers } from './events.js';
import { atRate, numbered, type Produced } from './feed.js';
import { type Crowd, type Load, startLoad } from './load/load.js';
import { clock, cpuOf, Histogram, machineCpu } from './measure.js';
import { type System, type SystemName, startSystem } from './systems/system.js';

/** Who is connected, and how events come. */
export interface Setting {
  readonly kind: KindName;
  readonly transport: Crowd['transport'];
  readonly through: 'kafka' | 'redis';
  readonly clients: number;
  /** Events go to each in turn; client `c` watches subject `c % subjects`, so with more subjects than clients some events are for nobody. */
  readonly subjects: number;
  /** Default false. */
  readonly tls?: boolean;
  /** One more client of a subject of its own, who reads nothing, and for whom more waits than any buffer holds. Default false. */
  readonly parked?: boolean;
}

/** One measured stretch. Times of CPU are microseconds of each process; shares are of one core. */
export interface Round {
  readonly seconds: number;
  readonly events: number;
  readonly deliveries: number;
  readonly gateway: number;
  /** The part of `gateway` that is not the kernel's. */
  readonly gatewayUser: number;
  readonly redis: number;
  readonly relay: number;
  /** Milliseconds from producing to a client's having it. */
  readonly p50: number;
  readonly p99: number;
  readonly gatewayShare: number;
  readonly loadShare: number;
  /** What all else on the machine took, Kafka and the producer included. */
  readonly othersShare: number;
}

/** A system with its clients, ready to be measured. */
export interface Stage extends AsyncDisposable {
  readonly system: System;
  readonly load: Load;
  /** Null when it does not hold the rate: somebody lacks an event ten seconds after the last one. Throws on a wrong delivery. */
  measure(rate: number, seconds: number): Promise<Round | null>;
  /** The share of a core that the gateway takes while nothing happens: heartbeats. */
  idle(seconds: number): Promise<number>;
}

export async function openStage(name: SystemName, setting: Setting): Promise<Stage> {
  const { kind, clients, subjects, transport, through, tls = false, parked = false } = setting;
  const system = await startSystem(name, kind, through, tls);
  const { port, protocol } = system;
  const crowd = { port, kind, transport, protocol, tls, clients, subjects, inFlight: 100 };
  const load = await startLoad(crowd).catch(async (error) => {
    await system[Symbol.asyncDispose]();
    throw error;
  });
  const events = numbered(kind, subjects + 1);
  const stalled = parked
    ? await startLoad({ ...crowd, clients: 1, subjects: subjects + 1, firstSubject: subjects, stalls: true })
    : null;
  let turn = 0;
  let due = 0;
  let failed: unknown = null;

  function produce(count: number): void {
    const some: Produced[] = [];
    for (let i = 0; i < count; i++) {
      const subject = subjectOf(turn++, subjects);
      due += watchers(subject, clients, subjects);
      some.push(events.next(subject));
    }
    system.send(some).catch((error) => {
      failed ??= error;
    });
  }

  /** Everybody has the newest event of their subject. */
  async function complete(): Promise<boolean> {
    if (failed) throw failed;
    const { newest } = await load.ask('end');
    return newest.every((n, client) => n === events.counts[client % subjects]);
  }

  /** False when it takes longer; what the condition throws fails the run. */
  const within = (what: string, milliseconds: number, condition: () => Promise<boolean>) =>
    eventually(what, condition, { within: milliseconds, every: 50 }).then(
      () => true,
      ({ cause }: Error) => {
        if (cause) throw cause;
        return false;
      },
    );

  let warm = false;
  /** A relay that joins its group begins somewhere, and Redis subscriptions take their time: so until all have one. */
  async function warmUp(): Promise<void> {
    // Ten MiB and more: beyond what the two ends of a connection hold.
    for (let n = 0; stalled && n < 100; n++) {
      await system.send(Array.from({ length: 400 }, () => events.next(subjects)));
    }
    for (let n = 0; n < 20 && !warm; n++) {
      for (let at = 0; at < subjects; at += 500) produce(Math.min(500, subjects - at));
      let [deliveries, since] = [-1, clock()];
      const quiet = async () => {
        warm = await complete();
        const now = (await load.ask('count')).deliveries;
        if (now !== deliveries) [deliveries, since] = [now, clock()];
        return warm || clock() - since > 2e6;
      };
      await within('nothing comes any more', 120_000, quiet);
    }
    if (!warm) throw new Error(`${name} does not deliver`);
  }

  let settled = 0;
  /** At a new rate for a second first: compiled, and with the buffers in their places, before anything is counted. */
  async function settle(rate: number, seconds: number): Promise<boolean> {
    await warmUp();
    if (settled === rate) return true;
    settled = rate;
    await atRate(rate, Math.min(1, seconds), produce);
    return within('everybody has everything', 10_000, complete);
  }

  return {
    system,
    load,
    async measure(rate, seconds) {
      if (!(await settle(rate, seconds))) return null;
      due = 0;
      await load.ask('begin');
      const before = cpuNow(system, load);
      const first = turn;
      const began = clock();
      await atRate(rate, seconds, produce);
      const got = async () => (await load.ask('count')).deliveries >= due;
      const held = (await within('all is delivered', 10_000, got)) && (await complete());
      const took = (clock() - began) / 1e6;
      const after = cpuNow(system, load);
      const { deliveries, wrong, latency } = await load.ask('end');
      if (wrong > 0 || deliveries > due)
        throw new Error(`${name}: ${wrong} wrong deliveries, ${deliveries} where ${due} were due`);
      if (!held) return null;
      const spent = (of: keyof typeof after) => after[of] - before[of];
      return {
        seconds: took,
        events: turn - first,
        deliveries,
        gateway: spent('gateway') * 1e6,
        gatewayUser: spent('gatewayUser') * 1e6,
        redis: spent('redis') * 1e6,
        relay: spent('relay') * 1e6,
        p50: Histogram.quantile(latency, 0.5),
        p99: Histogram.quantile(latency, 0.99),
        gatewayShare: spent('gateway') / took,
        loadShare: spent('load') / took,
        othersShare: (spent('machine') - spent('gateway') - spent('redis') - spent('relay') - spent('load')) / took,
      };
    },
    async idle(seconds) {
      await warmUp();
      const before = cpuOf(system.pids.gateway as number).all;
      await wait(seconds * 1_000);
      return (cpuOf(system.pids.gateway as number).all - before) / seconds;
    },
    async [Symbol.asyncDispose]() {
      await stalled?.end();
      await load.end();
      await system[Symbol.asyncDispose]();
    },
  };
}

function cpuNow({ pids }: System, load: Load) {
  const of = (pid: number | null) => (pid === null ? { user: 0, all: 0 } : cpuOf(pid));
  const gateway = of(pids.gateway);
  return {
    gateway: gateway.all,
    gatewayUser: gateway.user,
    redis: of(pids.redis).all,
    relay: of(pids.relay).all,
    load: of(load.pid).all,
    machine: machineCpu(),
  };
}
