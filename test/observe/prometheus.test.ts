import { describe, expect, test } from 'vitest';
import type { Publication } from '../../src/event/publication.js';
import { processRegistry, prometheusGateway, prometheusRelay } from '../../src/observe/prometheus.js';
import { mostValues } from '../../src/observe/tally.js';

/** The samples of a page, `name{labels}` to value. */
async function samples(of: { readonly exposition: { text(): Promise<string> } }): Promise<Map<string, number>> {
  const lines = (await of.exposition.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

describe('a relay tells Prometheus', () => {
  test('nothing more of a partition that another relay has now', async () => {
    const relay = prometheusRelay();
    relay.lag('cards', 3, 7);
    relay.lag('cards', 4, 2);
    relay.lag('cards', 3, null);
    expect([...(await samples(relay))]).toEqual([['tailrace_relay_lag_records{topic="cards",partition="4"}', 2]]);
  });

  test('everything that happened to its records', async () => {
    const relay = prometheusRelay();
    relay.consumed('cards', 3, 10);
    relay.consumed('cards', 3, 5);
    relay.appended('cards', 14);
    relay.refused('cards', 'behind');
    relay.deadLettered('cards', 'decode');
    relay.tombstone('cards');
    relay.forNobody('cards', 'event.userId');
    relay.refilled('cards', 2);
    relay.gap('cards', 'LOG_LOST');
    relay.lag('cards', 3, 7);
    relay.lag('cards', 3, 4);
    expect(Object.fromEntries(await samples(relay))).toEqual({
      'tailrace_relay_records_consumed_total{topic="cards",partition="3"}': 15,
      'tailrace_relay_events_appended_total{topic="cards"}': 14,
      'tailrace_relay_appends_refused_total{topic="cards",reason="behind"}': 1,
      'tailrace_relay_dead_letters_total{topic="cards",reason="decode"}': 1,
      'tailrace_relay_tombstones_total{topic="cards"}': 1,
      'tailrace_relay_events_for_nobody_total{topic="cards",route="event.userId"}': 1,
      'tailrace_relay_events_refilled_total{topic="cards"}': 2,
      'tailrace_relay_gaps_total{topic="cards",reason="LOG_LOST"}': 1,
      'tailrace_relay_lag_records{topic="cards",partition="3"}': 4,
    });
  });
});

describe('a gateway tells Prometheus', () => {
  test('connections and subscriptions as they come and go', async () => {
    const gateway = prometheusGateway();
    gateway.connected('sse', 1);
    gateway.connected('sse', 1);
    gateway.connected('sse', -1);
    gateway.subscribed('vehicle', 1);
    gateway.channels(12);
    gateway.groups(3);
    const found = await samples(gateway);
    expect(found.get('tailrace_gateway_connections{transport="sse"}')).toBe(1);
    expect(found.get('tailrace_gateway_connections{transport="websocket"}')).toBe(0);
    expect(found.get('tailrace_gateway_subscriptions{field="vehicle"}')).toBe(1);
    expect(found.get('tailrace_gateway_channels')).toBe(12);
    expect(found.get('tailrace_gateway_groups')).toBe(3);
  });

  test('what was denied, in error, lost or refused', async () => {
    const gateway = prometheusGateway();
    gateway.denied('a');
    gateway.ruleError('a', 'no such key');
    gateway.hopeless('a', 'claims.sub');
    gateway.inError('a');
    gateway.gapTold('a', 'EXPIRED');
    gateway.refusedOperation('FORBIDDEN');
    gateway.limited('connections');
    gateway.slowed();
    gateway.waitedForRoom('subscriptionsPerUser');
    const found = await samples(gateway);
    expect(found.get('tailrace_gateway_events_denied_total{field="a"}')).toBe(1);
    expect(found.get('tailrace_gateway_rule_errors_total{field="a",reason="no such key"}')).toBe(1);
    expect(found.get('tailrace_gateway_hopeless_subscriptions_total{field="a",lacks="claims.sub"}')).toBe(1);
    expect(found.get('tailrace_gateway_events_in_error_total{field="a"}')).toBe(1);
    expect(found.get('tailrace_gateway_gaps_told_total{field="a",reason="EXPIRED"}')).toBe(1);
    expect(found.get('tailrace_gateway_operations_refused_total{code="FORBIDDEN"}')).toBe(1);
    expect(found.get('tailrace_gateway_limits_exceeded_total{limit="connections"}')).toBe(1);
    expect(found.get('tailrace_gateway_sockets_slowed_total')).toBe(1);
    expect(found.get('tailrace_gateway_waits_for_room_total{limit="subscriptionsPerUser"}')).toBe(1);
  });

  test('how long each live delivery took from Kafka to the socket, in seconds', async () => {
    const publication = {} as Publication;
    const gateway = prometheusGateway();
    gateway.delivered('card', 1000, publication, 4);
    gateway.delivered('card', 1, publication, 700_000);
    gateway.delivered('card', 1, publication, -20);
    // From history: delivered, and as old as it may be.
    gateway.delivered('card', 3, publication, null);
    const found = await samples(gateway);
    const bucket = (le: string) =>
      found.get(`tailrace_gateway_delivery_latency_seconds_bucket{le="${le}",field="card"}`);
    expect(found.get('tailrace_gateway_deliveries_total{field="card"}')).toBe(1005);
    expect([bucket('0.001'), bucket('0.0025'), bucket('0.005'), bucket('300'), bucket('+Inf')]).toEqual([
      1, 1, 1001, 1001, 1002,
    ]);
    expect(found.get('tailrace_gateway_delivery_latency_seconds_sum{field="card"}')).toBeCloseTo(704);
    expect(found.get('tailrace_gateway_delivery_latency_seconds_count{field="card"}')).toBe(1002);
  });

  test('no more series than Prometheus can hold, whatever the reasons quote', async () => {
    const gateway = prometheusGateway();
    for (let user = 0; user < mostValues + 50; user += 1) gateway.ruleError('a', `user ${user} is odd`);
    const found = await samples(gateway);
    expect(found.get('tailrace_gateway_rule_errors_total{field="a",reason="other"}')).toBe(50);
  });
});

test('one page holds the process, its relay and its gateway', async () => {
  const registry = processRegistry();
  prometheusRelay(registry).tombstone('t');
  const { exposition } = prometheusGateway(registry);
  const page = await exposition.text();
  expect(exposition.contentType).toMatch('text/plain; version=0.0.4');
  expect(page).toMatch('# TYPE process_cpu_seconds_total counter');
  expect(page).toMatch('# TYPE tailrace_gateway_delivery_latency_seconds histogram');
  expect(page).toMatch('tailrace_relay_tombstones_total{topic="t"} 1');
});

test('a scrape costs the same however many sockets are open: nothing of the process is counted by a list of them', async () => {
  const page = await prometheusGateway(processRegistry()).exposition.text();
  expect(page).toMatch('process_resident_memory_bytes');
  expect(page).toMatch('nodejs_eventloop_lag_p99_seconds');
  expect(page).not.toMatch(/process_open_fds|nodejs_active_/);
});
