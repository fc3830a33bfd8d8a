import type { Kafka } from 'kafkajs';
import { type ApiVersions, type Broker, type ConnectionPool, clusterOf, type ProtocolRequest } from './internals.js';

/** Connections of our own to the brokers of a cluster, for requests that kafkajs does not have. */
export interface Brokers {
  /** Asks one after the other until one answers; throws why the last one did not. */
  any<T>(request: RequestFor<T>): Promise<T | null>;
  /** Asks this broker, whose address is known by `know`. */
  one<T>(nodeId: number, request: RequestFor<T>): Promise<T | null>;
  /** These are all the brokers there are: whoever is not among them is asked no more. */
  know(brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[]): void;
  close(): Promise<void>;
}

/** Null where a broker speaks no version of it: nothing is asked then, and null is the answer. */
export type RequestFor<T> = (versions: ApiVersions) => ProtocolRequest<T> | null;

/** How long a broker may take, connecting included, before the next one is asked; more where all have been slow. */
const least = 3_000;
const most = 60_000;

/**
 * Not kafkajs' own pool: it waits 30 s for a broker that is paused, passes on the versions of one broker as those of
 * all, and cannot be read before every topic of the cluster has a leader.
 */
export function openBrokers(kafka: Kafka): Brokers {
  const cluster = clusterOf(kafka, { allowAutoTopicCreation: false });
  /** By address. None of them has failed since. */
  const open = new Map<string, Broker>();
  let nodes = new Map<number, { readonly host: string; readonly port: number }>();
  let patience = least;
  let closed = false;

  function brokerAt(connectionPool: ConnectionPool): Broker {
    if (closed) throw new Error('The connections to Kafka are closed.');
    const address = addressOf(connectionPool);
    const broker = open.get(address) ?? cluster.brokerPool.createBroker({ connectionPool, logger: cluster.rootLogger });
    open.set(address, broker);
    return broker;
  }

  async function ask<T>(broker: Broker, request: RequestFor<T>): Promise<T | null> {
    const address = addressOf(broker.connectionPool);
    const asked = performance.now();
    const answer = async (): Promise<T | null> => {
      await broker.connect();
      // Given up or closed meanwhile: nobody else would end this connection.
      if (open.get(address) !== broker) {
        hangUp(broker);
        throw new Error(`The connection to ${address} is closed.`);
      }
      const made = request(broker.versions ?? {});
      return made === null ? null : broker.connectionPool.send(made);
    };
    try {
      const answered = await within(patience, answer(), `Kafka's broker ${address} does not answer.`);
      patience = Math.min(most, Math.max(least, 2 * (performance.now() - asked)));
      return answered;
    } catch (error) {
      if (performance.now() - asked >= patience) patience = Math.min(most, 2 * patience);
      if (open.get(address) === broker) open.delete(address);
      hangUp(broker);
      throw error;
    }
  }

  return {
    async any(request) {
      let failure: unknown = null;
      const failed = new Set<string>();
      const tryAt = async (pool: ConnectionPool) => {
        const address = addressOf(pool);
        if (failed.has(address)) return null;
        try {
          return { answer: await ask(brokerAt(pool), request) };
        } catch (error) {
          failure = error;
          failed.add(address);
          return null;
        }
      };
      const known = [...open.values()].map(({ connectionPool }) => connectionPool);
      for (const pool of known) {
        const found = await tryAt(pool);
        if (found !== null) return found.answer;
      }
      for (const node of nodes.values()) {
        const found = await tryAt(await cluster.connectionPoolBuilder.build(node));
        if (found !== null) return found.answer;
      }
      for (const begun = new Set<string>(); ; ) {
        const pool = await cluster.connectionPoolBuilder.build();
        if (begun.has(addressOf(pool))) throw failure;
        begun.add(addressOf(pool));
        const found = await tryAt(pool);
        if (found !== null) return found.answer;
      }
    },
    async one(nodeId, request) {
      const node = nodes.get(nodeId);
      if (node === undefined) throw new Error(`Kafka tells no address of its broker ${nodeId}.`);
      return ask(brokerAt(await cluster.connectionPoolBuilder.build(node)), request);
    },
    know(brokers) {
      nodes = new Map(brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
      const addresses = new Set(brokers.map(addressOf));
      for (const [address, broker] of open) {
        if (addresses.has(address)) continue;
        open.delete(address);
        void leave(broker);
      }
    },
    async close() {
      closed = true;
      const brokers = [...open.values()];
      open.clear();
      await Promise.all(brokers.map(leave));
    },
  };
}

const addressOf = ({ host, port }: { readonly host: string; readonly port: number }) => `${host}:${port}`;

/** Lets what is asked be answered, but not for long. */
async function leave(broker: Broker): Promise<void> {
  await within(1_000, broker.disconnect(), 'The broker does not answer.').catch(() => hangUp(broker));
}

/** With an error, so that kafkajs rejects what was asked: it would wait 30 s for the answers first. */
function hangUp(broker: Broker): void {
  for (const { socket } of broker.connectionPool.pool) socket?.destroy(new Error('Given up.'));
}

async function within<T>(ms: number, work: Promise<T>, late: string): Promise<T> {
  let up: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    up = setTimeout(() => reject(new Error(late)), ms);
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(up);
  }
}
