import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { latencyHistogram } from './latency-histogram.js';
import type { GatewayMetrics, RelayMetrics } from './metrics.js';
import { type Tally, tally } from './tally.js';
import { connectionTransports } from './transport.js';

/** Metrics in Prometheus' text format, over a registry of their own: two in one process do not meet. */
export interface Exposition {
  readonly contentType: string;
  text(): Promise<string>;
}

/** Counts are kept as plain numbers and handed to prom-client when somebody scrapes. */
function metricsOf(registry: Registry) {
  const registers = [registry];
  return {
    counter(name: string, help: string, ...labels: string[]): Tally {
      const counts = tally(labels.length);
      new Counter({
        name: `tailrace_${name}`,
        help,
        labelNames: labels,
        registers,
        collect() {
          this.reset();
          counts.each((values, count) => this.inc(named(labels, values), count));
        },
      });
      return counts;
    },
    gauge(name: string, help: string, ...labels: string[]): Tally {
      const counts = tally(labels.length);
      new Gauge({
        name: `tailrace_${name}`,
        help,
        labelNames: labels,
        registers,
        collect() {
          this.reset();
          counts.each((values, count) => this.set(named(labels, values), count));
        },
      });
      return counts;
    },
  };
}

const named = (labels: readonly string[], values: readonly string[]): Record<string, string> =>
  Object.fromEntries(labels.map((label, place) => [label, values[place] ?? '']));

const expositionOf = (registry: Registry): Exposition => ({
  contentType: registry.contentType,
  text: () => registry.metrics(),
});

/** A registry with what Node tells of its own process: CPU, memory, event loop, garbage. */
export function processRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of perSocket) registry.removeSingleMetric(name);
  return registry;
}

/**
 * What Node is asked for by a list of all sockets: with five thousand of them each scrape stood still for 10 ms and more.
 * How many there are is `gateway_connections`.
 */
const perSocket = [
  'process_open_fds',
  ...['handles', 'requests', 'resources'].flatMap((of) => [`nodejs_active_${of}`, `nodejs_active_${of}_total`]),
];

export function prometheusRelay(registry = new Registry()): RelayMetrics & { readonly exposition: Exposition } {
  const { counter, gauge } = metricsOf(registry);
  const consumed = counter('relay_records_consumed_total', 'Records read from Kafka.', 'topic', 'partition');
  const appended = counter('relay_events_appended_total', 'Events written to the log, once each.', 'topic');
  const refused = counter('relay_appends_refused_total', 'Appends the log did not take.', 'topic', 'reason');
  const deadLettered = counter('relay_dead_letters_total', 'Records that could not be decoded.', 'topic', 'reason');
  const tombstones = counter('relay_tombstones_total', 'Records without a value.', 'topic');
  const forNobody = counter(
    'relay_events_for_nobody_total',
    'Events for nobody on a route, whose value they lack.',
    'topic',
    'route',
  );
  const refilled = counter('relay_events_refilled_total', 'Events written again, or from before the start.', 'topic');
  const gaps = counter('relay_gaps_total', 'Holes in a source that cannot be filled.', 'topic', 'reason');
  const lag = gauge('relay_lag_records', 'Records of a partition that are not in the log yet.', 'topic', 'partition');
  return {
    exposition: expositionOf(registry),
    consumed: (topic, partition, records) => consumed.add(records, topic, String(partition)),
    appended: (topic, events) => appended.add(events, topic),
    refused: (topic, why) => refused.add(1, topic, why),
    deadLettered: (topic, reason) => deadLettered.add(1, topic, reason),
    tombstone: (topic) => tombstones.add(1, topic),
    forNobody: (topic, route) => forNobody.add(1, topic, route),
    refilled: (topic, events) => refilled.add(events, topic),
    gap: (topic, reason) => gaps.add(1, topic, reason),
    // A relay that went on showing its last lag of a partition that moved would be counted with its new owner.
    lag: (topic, partition, records) =>
      records === null ? lag.drop(topic, String(partition)) : lag.set(records, topic, String(partition)),
  };
}

export function prometheusGateway(registry = new Registry()): GatewayMetrics & { readonly exposition: Exposition } {
  const { counter, gauge } = metricsOf(registry);
  const connections = gauge('gateway_connections', 'Open WebSockets and event streams.', 'transport');
  const subscriptions = gauge('gateway_subscriptions', 'Open subscriptions.', 'field');
  const channels = gauge('gateway_channels', 'Channels this replica listens to.');
  const groups = gauge('gateway_groups', 'Groups: subscriptions that share one execution and one frame.');
  const deliveries = counter(
    'gateway_deliveries_total',
    'Events handed to a socket, live or replayed, once per subscription.',
    'field',
  );
  const denied = counter('gateway_events_denied_total', 'Events a rule kept from a group.', 'field');
  const ruleErrors = counter(
    'gateway_rule_errors_total',
    'Rules that ended in an error and so denied.',
    'field',
    'reason',
  );
  const hopeless = counter(
    'gateway_hopeless_subscriptions_total',
    'Subscriptions to which no event can come, by the claims and arguments that their rule lacks.',
    'field',
    'lacks',
  );
  const inError = counter('gateway_events_in_error_total', 'Events whose execution gave errors.', 'field');
  const gaps = counter('gateway_gaps_told_total', 'Gaps told to a subscription.', 'field', 'reason');
  const refused = counter('gateway_operations_refused_total', 'Operations refused, by error code.', 'code');
  const limited = counter('gateway_limits_exceeded_total', 'What was refused, by limit.', 'limit');
  const slowed = counter('gateway_sockets_slowed_total', 'Times a WebSocket said more than its rate and had to wait.');
  const waits = counter(
    'gateway_waits_for_room_total',
    'Operations of WebSockets that had to wait for room, by limit.',
    'limit',
  );
  const keyFetches = counter(
    'gateway_key_fetches_total',
    'How often the keys that verify tokens were asked for, by what came of it: ok or failed.',
    'address',
    'outcome',
  );
  const latency = latencyHistogram(
    registry,
    'tailrace_gateway_delivery_latency_seconds',
    'From the timestamp of the Kafka record to the write to the socket, per live delivery.',
  );
  // All series of the transports exist from the start: a rate over a series that appears with 1 misses it.
  for (const transport of connectionTransports) connections.set(0, transport);
  channels.set(0);
  groups.set(0);
  slowed.add(0);
  return {
    exposition: expositionOf(registry),
    connected: (transport, change) => connections.add(change, transport),
    subscribed: (field, change) => subscriptions.add(change, field),
    channels: (count) => channels.set(count),
    groups: (count) => groups.set(count),
    delivered: (field, count, _, milliseconds) => {
      deliveries.add(count, field);
      if (milliseconds !== null) latency.observe(field, count, milliseconds / 1000);
    },
    denied: (field) => denied.add(1, field),
    ruleError: (field, reason) => ruleErrors.add(1, field, reason),
    hopeless: (field, lacks) => hopeless.add(1, field, lacks),
    inError: (field) => inError.add(1, field),
    gapTold: (field, reason) => gaps.add(1, field, reason),
    refusedOperation: (code) => refused.add(1, code),
    limited: (limit) => limited.add(1, limit),
    slowed: () => slowed.add(1),
    waitedForRoom: (limit) => waits.add(1, limit),
    keysFetched: (address, had) => keyFetches.add(1, address, had ? 'ok' : 'failed'),
  };
}
