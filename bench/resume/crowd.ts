/**
 * The load generator, a process of its own: people who connect, leave and come back, each checking that every event of
 * theirs comes exactly once and in order. Driven by `call`s from the benchmark.
 */
import { signToken } from '../../src/bin/token.js';
import { rawClient } from './raw-client.js';

export interface Person {
  /** The user; also the token's `sub`. */
  readonly name: string;
  readonly query: string;
  readonly variables: Record<string, unknown>;
}

export interface Settings {
  readonly port: number;
  readonly secret: string;
}

/** Percentiles of what was measured, in milliseconds. */
export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** An event without errors, and without a gap. */
const shownAs = /"payload":\{"data":\{"note":\{"n":(\d+),"at":([\d.]+),.*"extensions":\{"cursor":"([\w-]+)"\}\}\}$/;

/** Connections that may be opening at once while nobody is in a hurry. */
const opening = 100;

class Guest {
  cursor: string | null = null;
  /** The number of the newest event shown: the next one is one higher. */
  last = 0;
  /** Set when it has shown up to here. */
  awaited: { readonly n: number; done(): void } | null = null;
  live: { close(): void } | null = null;
  cursorKnown: (() => void) | null = null;

  constructor(
    readonly person: Person,
    readonly token: string,
  ) {}

  come(): void {
    const { query, variables } = this.person;
    const visit = { port: settings.port, token: this.token, query, variables, after: this.cursor };
    this.live = rawClient(visit, {
      cursor: (cursor) => {
        this.cursor = cursor;
        this.cursorKnown?.();
      },
      next: (text) => {
        const [, number, at, cursor] = shownAs.exec(text) ?? [];
        if (!number || !cursor) return fault(`${this.person.name} was shown ${text}`);
        const n = Number(number);
        if (n !== this.last + 1) fault(`${this.person.name} got ${n} after ${this.last}`);
        this.last = n;
        this.cursor = cursor;
        if (latencies && measuring.has(this.person.name)) latencies.push(now() - Number(at));
        if (this.awaited && n >= this.awaited.n) this.awaited.done();
      },
      ended: (why, passing) => {
        if (!passing) return fault(`${this.person.name}: ${why}`);
        // As any client does.
        retries++;
        setTimeout(() => this.live && this.come(), 50 + Math.random() * 200);
      },
    });
  }

  /** Resolves with its first cursor. */
  async settle(): Promise<void> {
    const known = new Promise<void>((resolve) => {
      this.cursorKnown = resolve;
    });
    this.come();
    await known;
    this.cursorKnown = null;
  }

  leave(): void {
    this.live?.close();
    this.live = null;
  }
}

let settings: Settings;
const guests = new Map<string, Guest>();
const faults: string[] = [];
let faultCount = 0;
let latencies: number[] | null = null;
/** Whose events count. */
let measuring = new Set<string>();
let connects = 0;
/** Connections that the network refused, and that were tried again. */
let retries = 0;
let churning: Promise<void> | null = null;
let churnOn = false;

/** Milliseconds of the machine's monotonic clock, which all processes share. */
const now = () => Number(process.hrtime.bigint()) / 1e6;

/** Rejects at the first fault: whoever is waited for might never come. */
let failed = () => {};
const failure = new Promise<never>((_, reject) => {
  failed = () => reject(new Error(`${faultCount} faults:\n${faults.join('\n')}`));
});
failure.catch(() => undefined);

function fault(text: string) {
  faultCount++;
  if (faults.length < 10) faults.push(text);
  setTimeout(failed, 100);
}

const named = (names: readonly string[]) => names.map((name) => guests.get(name) as Guest);

const calls = {
  async invite(given: Settings, people: readonly Person[]) {
    settings = given;
    for (const person of people) {
      const key = { secret: given.secret, issuer: null, audience: null };
      const token = await signToken(key, { sub: person.name }, 24 * 3_600_000);
      guests.set(person.name, new Guest(person, token));
    }
  },

  /** Resolves when all of them have a cursor. */
  async arrive(names: readonly string[]) {
    const waiting = named(names);
    const door = async () => {
      for (let guest = waiting.pop(); guest; guest = waiting.pop()) await guest.settle();
    };
    await Promise.all(Array.from({ length: opening }, door));
  },

  async leave(names: readonly string[]) {
    for (const guest of named(names)) guest.leave();
  },

  /** All at once; resolves when each has shown event `n`, with the time it took them. */
  async comeBack(names: readonly string[], n: number): Promise<Spread> {
    const began = now();
    const took = await Promise.all(
      named(names).map(
        (guest) =>
          new Promise<number>((resolve) => {
            guest.awaited = { n, done: () => resolve(now() - began) };
            guest.come();
          }),
      ),
    );
    return spread(took);
  },

  /** Resolves when each has shown the event it is to have. */
  async await(expected: readonly (readonly [string, number])[]) {
    await Promise.all(
      expected.map(([name, n]) => {
        const guest = guests.get(name) as Guest;
        if (guest.last >= n) return null;
        return new Promise<void>((resolve) => {
          guest.awaited = { n, done: resolve };
        });
      }),
    );
  },

  /** From now on, how long events take to these. */
  async measure(names: readonly string[]) {
    latencies = [];
    measuring = new Set(names);
  },

  async measured(): Promise<Spread> {
    const all = latencies ?? [];
    latencies = null;
    return spread(all);
  },

  /** Until `calm`: `perSecond` of them come each second, stay for `stay` seconds, and come again in their turn. */
  async churn(names: readonly string[], perSecond: number, stay: number) {
    const away = named(names);
    const here: { readonly guest: Guest; readonly since: number }[] = [];
    churnOn = true;
    churning = (async () => {
      const began = now();
      for (let come = 0; churnOn; ) {
        for (; come < ((now() - began) / 1000) * perSecond; come++) {
          const guest = away.shift();
          if (!guest) break;
          guest.come();
          connects++;
          here.push({ guest, since: now() });
        }
        while (here[0] && now() - here[0].since > stay * 1000) {
          const { guest } = here.shift() as { guest: Guest };
          guest.leave();
          away.push(guest);
        }
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      for (const { guest } of here) guest.leave();
    })();
  },

  async calm() {
    churnOn = false;
    await churning;
  },

  async counts() {
    return { connects, retries };
  },

  /** Throws if anything was wrong. */
  async verify() {
    if (faultCount > 0) await failure;
  },
};

export type Calls = typeof calls;

function spread(all: number[]): Spread {
  const sorted = all.sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

process.on('message', ({ id, name, args }: { id: number; name: keyof Calls; args: never[] }) => {
  const call = calls[name] as (...given: never[]) => Promise<unknown>;
  Promise.race([call(...args), failure]).then(
    (result) => process.send?.({ id, result }),
    (error: Error) => process.send?.({ id, error: error.stack }),
  );
});
