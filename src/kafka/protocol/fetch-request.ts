import {
  type Decoder,
  decodeMessages,
  type FetchedPartition,
  type FetchedTopic,
  type FetchPartition,
  type FetchRequest,
  type FetchResponse,
  type ProtocolRequest,
} from './internals.js';
import { readUuid, flexible as wire, writeUuid } from './wire.js';

export const fetchApi = { key: 1, name: 'Fetch' } as const;

/** The first version that names topics by their ids. kafkajs' newest is 11. */
export const fetchById = 13;

const consumer = -1;
const noSession = { id: 0, epoch: -1 } as const;
/** Not compared: kafkajs does not keep the epoch of the record it read last, nor where the log begins. */
const unknown = -1;

/** As kafkajs' own fetches are, but for the ids. `idOf` knows all of the topics; `topicOf` is its inverse. */
export function fetchRequest(
  { maxWaitTime, minBytes, maxBytes, isolationLevel, topics, rackId }: FetchRequest,
  idOf: (topic: string, partition: number) => string,
  topicOf: (id: string) => string | undefined,
): Pick<ProtocolRequest<FetchResponse>, 'request'> & { decode(bytes: Buffer): Promise<FetchResponse> } {
  // By id, not by name: partitions of one name may belong to two topics, while it is being made again.
  const asked = new Map<string, FetchPartition[]>();
  for (const { topic, partitions } of topics) {
    for (const partition of partitions) {
      const id = idOf(topic, partition.partition);
      const others = asked.get(id);
      if (others === undefined) asked.set(id, [partition]);
      else others.push(partition);
    }
  }
  return {
    request: {
      apiKey: fetchApi.key,
      apiName: fetchApi.name,
      apiVersion: fetchById,
      async encode() {
        const encoder = wire.encoder();
        encoder.writeInt32(consumer).writeInt32(maxWaitTime).writeInt32(minBytes).writeInt32(maxBytes);
        encoder.writeInt8(isolationLevel).writeInt32(noSession.id).writeInt32(noSession.epoch);
        const writePartition = ({ partition, currentLeaderEpoch, fetchOffset, maxBytes }: FetchPartition) => {
          encoder
            .writeInt32(partition)
            .writeInt32(currentLeaderEpoch ?? unknown)
            .writeInt64(fetchOffset);
          encoder.writeInt32(unknown).writeInt64(unknown).writeInt32(maxBytes);
          wire.writeTags(encoder);
        };
        wire.writeArray(encoder, [...asked], ([id, partitions]) => {
          writeUuid(encoder, id);
          wire.writeArray(encoder, partitions, writePartition);
          wire.writeTags(encoder);
        });
        wire.writeArray(encoder, [], () => {}); // what a session is to forget
        wire.writeString(encoder, rackId);
        wire.writeTags(encoder);
        return encoder;
      },
    },
    async decode(bytes) {
      const decoder = wire.decoder(bytes);
      const clientSideThrottleTime = decoder.readInt32();
      const errorCode = decoder.readInt16();
      const sessionId = decoder.readInt32();
      const responses: FetchedTopic[] = [];
      for (let left = decoder.readUVarInt() - 1; left > 0; left -= 1) {
        const topicName = topicOf(readUuid(decoder) ?? '');
        const partitions: FetchedPartition[] = [];
        for (let left = decoder.readUVarInt() - 1; left > 0; left -= 1) partitions.push(await readPartition(decoder));
        wire.readTags(decoder);
        if (topicName !== undefined) responses.push({ topicName, partitions });
      }
      return { throttleTime: 0, clientSideThrottleTime, errorCode, sessionId, responses };
    },
  };
}

async function readPartition(decoder: Decoder): Promise<FetchedPartition> {
  const partition = {
    partition: decoder.readInt32(),
    errorCode: decoder.readInt16(),
    highWatermark: decoder.readInt64().toString(),
    lastStableOffset: decoder.readInt64().toString(),
    lastStartOffset: decoder.readInt64().toString(),
    abortedTransactions: wire.readArray(decoder, () => {
      const aborted = { producerId: decoder.readInt64().toString(), firstOffset: decoder.readInt64().toString() };
      wire.readTags(decoder);
      return aborted;
    }),
    preferredReadReplica: decoder.readInt32(),
    messages: await readMessages(decoder),
  };
  wire.readTags(decoder);
  return partition;
}

/** The records stay where they are: kafkajs decodes them as those of its own fetches, whose size is an INT32. */
async function readMessages(decoder: Decoder): Promise<FetchedPartition['messages']> {
  const records = decoder.readBytes(Math.max(0, decoder.readUVarInt() - 1));
  return decodeMessages({
    readInt32: () => records.length,
    canReadBytes: (length) => length <= records.length,
    readBytes: () => records,
  });
}
