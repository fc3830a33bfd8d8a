import type { ProtocolRequest } from './internals.js';
import { flexible, plain, readUuid, writeUuid } from './wire.js';

export const metadataApi = { key: 3, name: 'Metadata', versions: [5, 12] } as const;

export interface Metadata {
  readonly clientSideThrottleTime: number;
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
  readonly topics: readonly {
    readonly errorCode: number;
    readonly name: string;
    /** Null below version 10, and where the topic was made before Kafka gave ids. */
    readonly id: string | null;
    readonly partitions: readonly PartitionMetadata[];
  }[];
}

export interface PartitionMetadata {
  readonly partition: number;
  /** The broker's id; -1 while there is none. */
  readonly leader: number;
  /** -1 below version 7. */
  readonly leaderEpoch: number;
}

/** Asks for these topics and no others, and never makes one. kafkajs' own reads neither ids nor leader epochs. */
export function metadataRequest(version: number, topics: readonly string[]): ProtocolRequest<Metadata> {
  const wire = version >= 9 ? flexible : plain;
  return {
    request: {
      apiKey: metadataApi.key,
      apiName: metadataApi.name,
      apiVersion: version,
      async encode() {
        const encoder = wire.encoder();
        wire.writeArray(encoder, topics, (topic) => {
          if (version >= 10) writeUuid(encoder, null);
          wire.writeString(encoder, topic);
          wire.writeTags(encoder);
        });
        encoder.writeBoolean(false);
        // The operations that we may do: on the cluster, on each topic.
        if (version >= 8 && version <= 10) encoder.writeBoolean(false);
        if (version >= 8) encoder.writeBoolean(false);
        wire.writeTags(encoder);
        return encoder;
      },
    },
    response: {
      async decode(bytes) {
        const decoder = wire.decoder(bytes);
        const clientSideThrottleTime = decoder.readInt32();
        const brokers = wire.readArray(decoder, () => {
          const broker = {
            nodeId: decoder.readInt32(),
            host: wire.readString(decoder) ?? '',
            port: decoder.readInt32(),
          };
          wire.readString(decoder); // rack
          wire.readTags(decoder);
          return broker;
        });
        wire.readString(decoder); // cluster id
        decoder.readInt32(); // controller id
        const topics = wire.readArray(decoder, () => {
          const errorCode = decoder.readInt16();
          const name = wire.readString(decoder) ?? '';
          const id = version >= 10 ? readUuid(decoder) : null;
          decoder.readBoolean(); // internal
          const partitions = wire.readArray(decoder, (): PartitionMetadata => {
            decoder.readInt16(); // error code: the leader tells the same
            const partition = decoder.readInt32();
            const leader = decoder.readInt32();
            const leaderEpoch = version >= 7 ? decoder.readInt32() : -1;
            // Replicas, those in sync, those offline.
            for (let list = 0; list < 3; list += 1) wire.readArray(decoder, () => decoder.readInt32());
            wire.readTags(decoder);
            return { partition, leader, leaderEpoch };
          });
          if (version >= 8) decoder.readInt32(); // operations
          wire.readTags(decoder);
          return { errorCode, name, id, partitions };
        });
        return { clientSideThrottleTime, brokers, topics };
      },
      parse: async (metadata) => metadata,
    },
  };
}
