import { type Effort, highest, perDelivery, perEvent, sideBySide } from './compare.js';
import { connecting, idle, records, slope } from './of-one.js';
import type { Section } from './report.js';
import type { Setting } from './round.js';

export interface Workload extends Omit<Section, 'rows' | 'notes'> {
  /** Takes the same ways as another one: a smoke run passes over it. */
  readonly alike?: true;
  run(effort: Effort): Promise<Pick<Section, 'rows' | 'notes'>>;
}

const sized = (setting: Setting, { smoke }: Effort): Setting =>
  smoke ? { ...setting, clients: Math.min(setting.clients, 40), subjects: Math.ceil(setting.subjects / 50) } : setting;

const broadcast: Setting = { kind: 'quotes', transport: 'websocket', through: 'redis', clients: 1_000, subjects: 1 };
const perUser: Setting = { kind: 'orders', transport: 'websocket', through: 'kafka', clients: 2_000, subjects: 2_000 };
const transit: Setting = { kind: 'vehicles', transport: 'websocket', through: 'kafka', clients: 1_500, subjects: 150 };

/** In the order of the report. */
export const workloads: readonly Workload[] = [
  {
    name: 'broadcast',
    title: 'Broadcast: every event to 1,000 WebSockets',
    target: 'at most 1.1 times the floor, gateway CPU per delivery',
    shown: 'gateway µs a delivery',
    run: (effort) =>
      sideBySide(
        {
          setting: sized(broadcast, effort),
          systems: ['floor', 'tailrace', 'tailrace beside', 'naive', 'nchan', 'centrifugo'],
          rates: [20, 50],
          figures: perDelivery,
        },
        effort,
      ),
  },
  {
    name: 'broadcast-most',
    title: 'The most that 1,000 WebSockets can get, p99 under 100 ms',
    target: '1,000,000 deliveries/s on one core',
    shown: 'deliveries/s',
    run: (effort) =>
      highest(
        {
          setting: sized(broadcast, effort),
          systems: ['floor', 'floor by turns', 'tailrace', 'tailrace beside', 'naive', 'nchan', 'centrifugo'],
          rates: [20, 50, 100, 200, 300, 450, 700, 1_000, 1_400],
          figures: perDelivery,
          p99: 100,
        },
        effort,
      ),
  },
  {
    name: 'per-user',
    title: 'Per user: 2,000 users, every event to one of them, from Kafka',
    target:
      'at 8,000 events/s at most 50 µs of CPU an event, all processes together; at 1,000 events/s p50 under 2 ms, p99 under 6 ms',
    shown: 'all processes µs an event',
    run: (effort) =>
      sideBySide(
        {
          setting: sized(perUser, effort),
          systems: ['floor', 'tailrace', 'tailrace beside', 'naive', 'centrifugo'],
          rates: [1_000, 4_000, 8_000],
          figures: perEvent,
        },
        effort,
      ),
  },
  {
    name: 'linger',
    alike: true,
    title: 'What a pause between fetches costs and saves (TAILRACE_KAFKA_LINGER): per user, 2,000 users, from Kafka',
    target: 'at 1,000 events/s as low as the latency allows',
    shown: 'all processes µs an event',
    run: (effort) =>
      sideBySide(
        {
          setting: sized(perUser, effort),
          systems: ['tailrace lingering 0ms', 'tailrace', 'tailrace lingering 100ms'],
          rates: [1_000, 4_000, 8_000],
          figures: perEvent,
        },
        effort,
      ),
  },
  {
    name: 'parked',
    title: 'Beside a reader who reads nothing: per user, 2,000 users, from Kafka',
    target: 'the same latency as without',
    shown: 'p99 ms',
    run: (effort) =>
      sideBySide(
        {
          setting: { ...sized(perUser, effort), parked: true },
          systems: ['tailrace'],
          rates: [1_000],
          figures: perEvent,
        },
        effort,
      ),
  },
  {
    name: 'per-user-most',
    alike: true,
    title: 'The most that 2,000 users can get, each their own, from Kafka, p99 under 250 ms',
    target: 'at least 30,000 events/s',
    shown: 'events/s',
    run: (effort) =>
      highest(
        {
          setting: sized(perUser, effort),
          systems: ['floor', 'tailrace', 'tailrace beside', 'naive', 'centrifugo'],
          rates: [8_000, 12_000, 16_000, 20_000, 24_000, 32_000, 40_000],
          figures: perEvent,
          p99: 250,
        },
        effort,
      ),
  },
  {
    name: 'slope',
    title: 'An event for one user, by how many others are subscribed; 1,000 events/s, heartbeats taken off',
    target: 'at 50,000 users at most 1.2 times that of 100',
    shown: 'gateway µs an event',
    run: slope,
  },
  {
    name: 'transit',
    title: 'Transit: 150 vehicles twice a second, 1,500 clients that each watch one',
    target: 'at most 65 µs of CPU a delivery, all processes together',
    shown: 'all processes µs a delivery',
    run: (effort) =>
      sideBySide(
        {
          setting: sized(transit, effort),
          systems: ['floor', 'tailrace', 'tailrace beside', 'naive', 'centrifugo'],
          rates: [300],
          figures: perDelivery,
        },
        effort,
      ),
  },
  {
    name: 'transit-most',
    alike: true,
    title: 'The most vehicles’ positions a second that 1,500 clients can get, p99 under 250 ms',
    target: 'at least four times that of naive',
    shown: 'events/s',
    run: (effort) =>
      highest(
        {
          setting: sized(transit, effort),
          systems: ['tailrace', 'tailrace beside', 'naive', 'centrifugo'],
          rates: [300, 600, 1_200, 2_400, 4_800, 7_200, 9_600, 14_400],
          figures: perDelivery,
          p99: 250,
        },
        effort,
      ),
  },
  {
    name: 'sse',
    title: 'Broadcast: every event to 1,000 streams of server-sent events',
    target: 'at most 1.1 times the floor, gateway CPU per delivery',
    shown: 'gateway µs a delivery',
    run: (effort) =>
      sideBySide(
        {
          setting: { ...sized(broadcast, effort), transport: 'sse' },
          systems: ['floor', 'tailrace', 'tailrace beside', 'naive', 'nchan', 'centrifugo'],
          rates: [20],
          figures: perDelivery,
        },
        effort,
      ),
  },
  {
    name: 'tls',
    title: 'Broadcast over TLS: every event to 1,000 WebSockets',
    target: 'at most 1.1 times the floor over TLS, gateway CPU per delivery',
    shown: 'gateway µs a delivery',
    run: (effort) =>
      sideBySide(
        {
          setting: { ...sized(broadcast, effort), tls: true },
          systems: ['floor', 'floor by turns', 'tailrace', 'tailrace beside'],
          rates: [20, 50, 300],
          figures: perDelivery,
        },
        effort,
      ),
  },
  {
    name: 'nobody',
    alike: true,
    title: 'Half of the events are for nobody who is there: 2,000 users, 4,000 events/s from Kafka',
    target: 'events for nobody cost the gateway nothing',
    shown: 'gateway µs',
    run: (effort) => {
      const setting = sized(perUser, effort);
      return sideBySide(
        {
          setting: { ...setting, subjects: setting.clients * 2 },
          systems: ['floor', 'tailrace', 'tailrace beside', 'naive'],
          rates: [4_000],
          figures: perEvent,
        },
        effort,
      );
    },
  },
  {
    name: 'idle',
    title: 'Resident memory of the gateway for each subscribed WebSocket where nothing happens',
    target: 'at most 12 KiB',
    shown: 'KiB each',
    run: idle,
  },
  {
    name: 'connect',
    title: 'Connect, init and subscribe: 2,000 clients, 100 in flight',
    target: 'at most 0.3 ms of gateway CPU each',
    shown: 'gateway ms each',
    run: connecting,
  },
  {
    name: 'relay',
    title: 'A relay alone: 250-byte records, 10,000 routes, history on',
    target: '100,000 records/s; at most 6 µs of relay CPU each',
    shown: 'relay µs a record',
    run: records,
  },
];
