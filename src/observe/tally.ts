/**
 * Numbers by label values. prom-client hashes the labels at every `inc`, 0.3 µs or more: as much as the rule itself,
 * and a broadcast asks the rule once per group. Here a count is one or two map look-ups and an addition.
 */
export interface Tally {
  add(count: number, first?: string, second?: string): void;
  set(count: number, first?: string, second?: string): void;
  /** As if it had never been counted. */
  drop(first?: string, second?: string): void;
  each(visit: (labels: readonly string[], count: number) => void): void;
}

/**
 * Values of one label beyond this many are counted together as `other`: a reason that quotes a user's value would
 * otherwise give every user a series, here and in Prometheus.
 */
export const mostValues = 1000;

type Cell = { count: number };

export function tally(labels: number): Tally {
  const cells = new Map<string, Map<string, Cell>>();

  function cell(first: string, second: string): Cell {
    const row = cells.get(first) ?? added(cells, first, () => new Map<string, Cell>());
    return row.get(second) ?? added(row, second, () => ({ count: 0 }));
  }

  return {
    add(count, first = '', second = '') {
      cell(first, second).count += count;
    },
    set(count, first = '', second = '') {
      cell(first, second).count = count;
    },
    drop(first = '', second = '') {
      cells.get(first)?.delete(second);
    },
    each(visit) {
      for (const [first, row] of cells)
        for (const [second, { count }] of row) visit([first, second].slice(0, labels), count);
    },
  };
}

function added<T>(map: Map<string, T>, wanted: string, make: () => T): T {
  const key = map.size < mostValues ? wanted : 'other';
  const there = map.get(key);
  if (there !== undefined) return there;
  const made = make();
  map.set(key, made);
  return made;
}
