import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer, ConsumerConfig, Kafka } from 'kafkajs';
import { type GuardedFetch, type OpenFetchGuard, refusals } from './fetch-guard.js';
import { fetchApi, fetchById, fetchRequest } from './protocol/fetch-request.js';
import {
  type Broker,
  errorOf,
  type FetchRequest,
  type FetchResponse,
  type ProtocolRequest,
  withClusters,
} from './protocol/internals.js';

/** kafkajs' consumer, whose fetches go through the guard. One guard serves one consumer at a time. */
export function guardedConsumer(kafka: Kafka, options: ConsumerConfig, guard: OpenFetchGuard): Consumer {
  const guarded = withClusters(kafka, (cluster) => {
    const pool = cluster.brokerPool;
    const create = pool.createBroker;
    pool.createBroker = (broker) => guardBroker(create(broker), guard);
    return cluster;
  });
  return guarded.consumer(options);
}

function guardBroker(broker: Broker, guard: OpenFetchGuard): Broker {
  const fetch = broker.fetch;
  let knowsIds: boolean | null = null;

  /** The broker itself is asked: kafkajs takes what the first one said for what all of them do. */
  async function speaksIds(): Promise<boolean> {
    if (knowsIds !== null) return knowsIds;
    const versions = await broker.apiVersions();
    knowsIds = (versions[fetchApi.key]?.maxVersion ?? 0) >= fetchById;
    guard.isActive = knowsIds;
    return knowsIds;
  }

  broker.fetch = async (request) => {
    const guarded = guard.fetch(request.topics);
    if (guarded.topics.length === 0) {
      // As kafkajs does when it has nothing to ask for. An answer at once would be asked for again at once.
      await sleep(request.maxWaitTime);
      return { throttleTime: 0, responses: [] };
    }
    try {
      const byId = guarded.hasIds && (await speaksIds());
      const lookupRequest: Broker['lookupRequest'] = (key, definitions) => (asked) => {
        const own = broker.lookupRequest(key, definitions)(asked);
        return guardRequest(byId ? withIds(own, asked, guarded) : own, guarded);
      };
      // kafkajs' own fetch, which shuffles the partitions and knows what to do when the connection is closed.
      return await fetch.call(Object.create(broker, { lookupRequest: { value: lookupRequest } }), {
        ...request,
        topics: guarded.topics,
      });
    } catch (error) {
      // A broker that was upgraded answers at the same address, and may know ids by then.
      knowsIds = null;
      throw error;
    }
  };
  return broker;
}

function withIds(
  own: ProtocolRequest<FetchResponse>,
  asked: FetchRequest,
  { idOf, topicOf }: GuardedFetch,
): ProtocolRequest<FetchResponse> {
  const { request, decode } = fetchRequest(asked, idOf, topicOf);
  return { ...own, request, response: { ...own.response, decode } };
}

function guardRequest(own: ProtocolRequest<FetchResponse>, guarded: GuardedFetch): ProtocolRequest<FetchResponse> {
  const { decode, parse } = own.response;
  return {
    ...own,
    response: {
      decode,
      // kafkajs throws at the first partition with an error, and looks at no code but theirs.
      async parse(decoded) {
        const { errorCode = 0 } = decoded;
        if (refusals.has(errorCode)) guarded.refuse(errorCode);
        else if (errorCode !== 0) throw errorOf(errorCode);
        const responses = guarded.admit(decoded.responses);
        const parsed = await parse({ ...decoded, responses });
        guarded.note(responses);
        return parsed;
      },
    },
  };
}
