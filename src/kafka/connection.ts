import { createRequire } from 'node:module';
import kafkajs, { type Kafka, type KafkaConfig, type LogEntry } from 'kafkajs';
import type { Logger } from '../observe/logger.js';
import { registerCodecs } from './codecs.js';

/** Where Kafka is and how to sign in; `ssl` and `sasl` go to kafkajs as they are. */
export type KafkaSettings = Pick<KafkaConfig, 'brokers' | 'ssl' | 'sasl' | 'clientId'>;

/**
 * The one place where a connection to Kafka is made. Nothing is opened yet: consumer, admin client and producer of the
 * result each open their own at `connect`. Short retries, because each caller has a loop of its own that tells what it waits for.
 */
export function openKafka(settings: KafkaSettings, logger: Logger): Kafka {
  registerCodecs();
  restRequestQueues();
  return new kafkajs.Kafka({
    clientId: 'tailrace',
    ...settings,
    connectionTimeout: 3_000,
    requestTimeout: 30_000,
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 5 },
    logLevel: kafkajs.logLevel.INFO,
    logCreator: () => (entry) => bridge(logger, entry),
  });
}

/**
 * Quieter than kafkajs: what it calls an error is mostly a retry, several lines for each, and the relay itself warns of
 * what it means for it.
 */
function bridge(logger: Logger, { level, namespace, log }: LogEntry) {
  const { message, timestamp: _, logger: __, stack: ___, ...fields } = log;
  const retried = namespace === 'Connection' || namespace === 'BrokerPool';
  const say = level === kafkajs.logLevel.ERROR && !retried ? logger.info : logger.debug;
  say.call(logger, fields, `kafkajs ${namespace}: ${message}`);
}

interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

let rested = false;

/**
 * kafkajs' request queue looks for pending requests by a timer that it sets again whether or not there are any, with a
 * negative time: every millisecond, on every connection, for ever (5 % of a core when idle). A queue without pending
 * requests needs no look: the next push sets the timer again.
 */
function restRequestQueues(): void {
  if (rested) return;
  rested = true;
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as {
    prototype: RequestQueue;
  };
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0) schedule.call(this);
  };
}
