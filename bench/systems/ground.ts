import type { Redis } from 'ioredis';
import type { Identity } from '../../test/support/servers/certificates.js';
import type { KindName } from '../events.js';
import type { Feed } from '../feed.js';
import type { Crowd } from '../load/load.js';
import type { Server } from './processes.js';

/** What a system is given: a Redis of its own, and a topic of its own where its events come through Kafka. */
export interface Ground {
  readonly redisUrl: string;
  readonly redis: Redis;
  readonly kind: KindName;
  readonly topic: string;
  /** Null where events are written into Redis, as the system's relay does it. */
  readonly kafka: { readonly brokers: string; readonly group: string } | null;
  readonly folder: string;
  /** Files of a certificate and its key; null: without TLS. */
  readonly tls: Pick<Identity, 'certFile' | 'keyFile'> | null;
}

/** A system's own processes. */
export interface Servers {
  readonly gateway: Server;
  readonly relay: Server | null;
  readonly port: number;
  readonly protocol: Crowd['protocol'];
  /** Without Kafka: brings events where its relay brings them. */
  readonly feed: Feed | null;
  /** With Kafka: what else each record must say. */
  readonly headersOf?: (subject: number) => Record<string, string>;
}

export type Start = (ground: Ground) => Promise<Servers>;
