import { Histogram, type Registry } from 'prom-client';
import { mostValues } from './tally.js';

/** Seconds. Kafka to socket takes about a millisecond here; a phone that was away takes minutes. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

type Counted = { readonly buckets: Float64Array; sum: number; count: number };

/**
 * A histogram by field that counts many equal observations at once. One frame goes to every socket of a group with one
 * latency; prom-client's `observe` would be called once per socket and cost more than the write of a batched frame.
 */
class LatencyHistogram extends Histogram<'field'> {
  readonly #byField = new Map<string, Counted>();
  readonly #name: string;
  readonly #help: string;

  constructor(registry: Registry, name: string, help: string) {
    super({ name, help, labelNames: ['field'], buckets: bounds, registers: [registry] });
    this.#name = name;
    this.#help = help;
  }

  observeMany(field: string, count: number, seconds: number): void {
    // A broker's clock that runs ahead of ours would make the sum sink.
    const value = Math.max(0, seconds);
    const counted = this.#byField.get(field) ?? this.#added(field);
    counted.count += count;
    counted.sum += count * value;
    let place = 0;
    while (place < bounds.length && value > (bounds[place] ?? 0)) place += 1;
    if (place < bounds.length) counted.buckets[place] = (counted.buckets[place] ?? 0) + count;
  }

  #added(wanted: string): Counted {
    const field = this.#byField.size < mostValues ? wanted : 'other';
    const counted = this.#byField.get(field) ?? { buckets: new Float64Array(bounds.length), sum: 0, count: 0 };
    this.#byField.set(field, counted);
    return counted;
  }

  /** What prom-client asks for, in its own shape, whenever it writes this metric: as text or as objects. */
  async getForPromString() {
    const values = [...this.#byField].flatMap(([field, counted]) => this.#series(field, counted));
    return { name: this.#name, help: this.#help, type: 'histogram', aggregator: 'sum', values };
  }

  #series(field: string, { buckets, sum, count }: Counted) {
    const row = (suffix: string, value: number, labels: { readonly le?: number | string } = {}) => ({
      metricName: `${this.#name}_${suffix}`,
      labels,
      sharedLabels: { field },
      value,
    });
    let below = 0;
    const rows = bounds.map((le, place) => {
      below += buckets[place] ?? 0;
      return row('bucket', below, { le });
    });
    return [...rows, row('bucket', count, { le: '+Inf' }), row('sum', sum), row('count', count)];
  }
}

export interface Latency {
  observe(field: string, count: number, seconds: number): void;
}

export function latencyHistogram(registry: Registry, name: string, help: string): Latency {
  const histogram = new LatencyHistogram(registry, name, help);
  return { observe: (field, count, seconds) => histogram.observeMany(field, count, seconds) };
}
