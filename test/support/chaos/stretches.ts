/** A stretch of time, from the moment something began to be broken until the next such moment. Times in ms. */
export interface Stretch {
  readonly what: string;
  readonly begin: number;
  /** The first event produced in it. */
  readonly from: number;
  /** When it broke, and the first event produced since. */
  broken: { readonly at: number; readonly from: number };
  events: number;
  twice: number;
  /** The longest time within this stretch that one viewer heard nothing. */
  silence: number;
  /** Per viewer, from when it broke until it had an event that was produced after it. */
  recoveries: number[];
}

/** One kind of fault, all its times together. */
export interface Row {
  readonly what: string;
  readonly times: number;
  readonly events: number;
  readonly lost: number;
  /** Gone, and rightly told. */
  readonly told: number;
  readonly twice: number;
  readonly silence: number;
  readonly p50: number;
  readonly p99: number;
}

/** What was broken when, and how so many viewers fared meanwhile. Events are numbered in the order they are produced. */
export function stretchesOf(viewers: number, now: () => number) {
  const stretches: Stretch[] = [];
  const hearers = Array.from({ length: viewers }, () => ({ last: Number.NaN, recovered: 0 }));
  let produced = 0;
  let longest = 0;
  const at = (event: number) => stretches.findLast(({ from }) => from <= event);

  return {
    /** Something is broken from here on. */
    mark(what: string): Stretch {
      const broken = { at: now(), from: produced };
      const made = { what, begin: broken.at, from: produced, broken, events: 0, twice: 0, silence: 0, recoveries: [] };
      stretches.push(made);
      return made;
    },
    newest: () => stretches.at(-1)?.what ?? '',
    /** The newest stretch had a quiet beginning: recovery counts from now. */
    breaks(stretch: Stretch) {
      stretch.broken = { at: now(), from: produced };
      stretch.recoveries = [];
      for (const one of hearers) one.recovered = Math.min(one.recovered, stretches.indexOf(stretch));
    },
    produced(event: number) {
      produced = event + 1;
      const stretch = at(event);
      if (stretch) stretch.events++;
    },
    heard(n: number, event: number) {
      const one = hearers[n] as (typeof hearers)[number];
      const time = now();
      if (stretches.length > 0 && one.last >= (stretches[0] as Stretch).begin) {
        longest = Math.max(longest, time - one.last);
        let end = time;
        for (const stretch of stretches.toReversed()) {
          stretch.silence = Math.max(stretch.silence, end - Math.max(one.last, stretch.begin));
          end = stretch.begin;
          if (end <= one.last) break;
        }
      }
      one.last = time;
      for (; (stretches[one.recovered]?.broken.from ?? Number.POSITIVE_INFINITY) <= event; one.recovered++) {
        const { broken, recoveries } = stretches[one.recovered] as Stretch;
        recoveries.push(time - broken.at);
      }
    },
    twice(event: number) {
      const stretch = at(event);
      if (stretch) stretch.twice++;
    },
    /** How many viewers have had nothing yet of what was produced since it broke. */
    waiting: (stretch: Stretch) => viewers - stretch.recoveries.length,
    /** One row for each kind, in the order of the first time, and one for all. */
    rows(lost: readonly number[], told: readonly number[]): Row[] {
      const count = (events: readonly number[], some: readonly Stretch[]) =>
        events.filter((event) => some.includes(at(event) as Stretch)).length;
      const row = (what: string, some: readonly Stretch[]) => {
        return { ...rowOf(what, some), lost: count(lost, some), told: count(told, some) };
      };
      const rows = [...groups(stretches)].map(([what, some]) => row(what, some));
      return [...rows, { ...row('all', stretches), silence: longest }];
    },
  };
}

function groups(stretches: readonly Stretch[]): ReadonlyMap<string, readonly Stretch[]> {
  const found = new Map<string, Stretch[]>();
  for (const stretch of stretches) found.set(stretch.what, [...(found.get(stretch.what) ?? []), stretch]);
  return found;
}

function rowOf(what: string, some: readonly Stretch[]) {
  const recoveries = some.flatMap((one) => one.recoveries).sort((a, b) => a - b);
  const share = (part: number) => recoveries[Math.floor(part * (recoveries.length - 1))] ?? 0;
  const sum = (read: (one: Stretch) => number) => some.reduce((total, one) => total + read(one), 0);
  return {
    what,
    times: some.length,
    events: sum(({ events }) => events),
    twice: sum(({ twice }) => twice),
    silence: Math.max(...some.map(({ silence }) => silence)),
    p50: share(0.5),
    p99: share(0.99),
  };
}
