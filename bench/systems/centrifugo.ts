import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../scripts/services/ports.mjs';
import { kinds, secret } from '../events.js';
import type { Send } from '../feed.js';
import { channelOf } from '../load/centrifugo.js';
import type { Ground, Servers } from './ground.js';
import { startServer } from './processes.js';
import { publishTo } from './publish.js';

export const noCentrifugo = (): string | null =>
  process.env.BENCH_CENTRIFUGO ? null : 'Centrifugo is left out: BENCH_CENTRIFUGO names no binary of it.';

/** As much as Tailrace keeps, and for as long, so that a client of either may come back for it. */
const history = { history_size: 1_000, history_ttl: '600s', force_recovery: true };

/**
 * One process, with all of its defaults but what is said here. Its engine is the system's Redis. Records of Kafka come by
 * its own consumer, which publishes them as they are into the channels that a header of each names: there is no relay.
 * Without Kafka events come by its HTTP API, all that are due in one request.
 */
export async function centrifugo({ redisUrl, kind, topic, kafka, folder }: Ground): Promise<Servers> {
  const [port, apiPort] = [await freePort(), await freePort()];
  const conf = join(folder, 'centrifugo.json');
  const consumer = kafka && {
    name: 'bench',
    enabled: true,
    type: 'kafka',
    kafka: {
      brokers: kafka.brokers.split(','),
      topics: [topic],
      consumer_group: kafka.group,
      publication_data_mode: { enabled: true },
    },
  };
  const settings = {
    http_server: { address: '127.0.0.1', port, internal_address: '127.0.0.1', internal_port: String(apiPort) },
    engine: { type: 'redis', redis: { address: [redisUrl] } },
    client: { token: { hmac_secret_key: secret }, allow_anonymous_connect_without_token: true },
    channel: {
      without_namespace: { ...history, allow_subscribe_for_client: true, allow_subscribe_for_anonymous: true },
      namespaces: [
        { name: 'orders', ...history, allow_user_limited_channels: true },
        { name: 'vehicles', ...history, allow_subscribe_for_client: true, allow_subscribe_for_anonymous: true },
      ],
    },
    consumers: consumer ? [consumer] : [],
    http_api: { insecure: true },
    uni_sse: { enabled: true },
    usage_stats: { disabled: true },
  };
  writeFileSync(conf, JSON.stringify(settings));
  const gateway = startServer([process.env.BENCH_CENTRIFUGO ?? '', '-c', conf], {}, 'stderr');
  await gateway.line(/serving websocket/);
  const channel = (subject: number) => channelOf(kinds[kind], subject);
  const headersOf = (subject: number) => ({ 'centrifugo-channels': channel(subject) });
  const publisher = publishTo(apiPort, '/api/batch');
  const send: Send = async (events) => {
    const commands = events.map(({ subject, event }) => ({
      publish: { channel: channel(subject), data: kinds[kind].record(event) },
    }));
    const answer = await publisher.post(JSON.stringify({ commands }));
    if (answer.includes('"error":{')) throw new Error(`centrifugo: ${answer}`);
  };
  const feed = { send, close: publisher.close };
  return { gateway, relay: null, port, protocol: 'centrifugo', feed, headersOf };
}
