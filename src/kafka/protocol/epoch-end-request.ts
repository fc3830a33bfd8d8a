import type { ProtocolRequest } from './internals.js';
import { plain } from './wire.js';

export const epochEndApi = { key: 23, name: 'OffsetForLeaderEpoch', versions: [2, 3] } as const;

export interface EpochEndQuestion {
  readonly topic: string;
  readonly partition: number;
  readonly epoch: number;
  /** The broker refuses when its own is another one: it is no longer, or not yet, the leader that we believe it to be. */
  readonly currentLeaderEpoch: number;
}

export interface EpochEndAnswer {
  readonly clientSideThrottleTime: number;
  readonly errorCode: number;
  /** The largest epoch the broker has that is not above the one asked for; -1 where it has none, or only smaller ones. */
  readonly epoch: number;
  /** Where that epoch ends: the next one's first offset, or the end of the log. */
  readonly end: number;
}

const consumer = -1;
const unknownPartition = 3;

/** Where an epoch of the leaders of a partition ended (KIP-101, KIP-320). */
export function epochEndRequest(version: number, question: EpochEndQuestion): ProtocolRequest<EpochEndAnswer> {
  return {
    request: {
      apiKey: epochEndApi.key,
      apiName: epochEndApi.name,
      apiVersion: version,
      async encode() {
        const encoder = plain.encoder();
        if (version >= 3) encoder.writeInt32(consumer);
        plain.writeArray(encoder, [question], ({ topic, partition, epoch, currentLeaderEpoch }) => {
          plain.writeString(encoder, topic);
          plain.writeArray(encoder, [partition], () => {
            encoder.writeInt32(partition).writeInt32(currentLeaderEpoch).writeInt32(epoch);
          });
        });
        return encoder;
      },
    },
    response: {
      async decode(bytes) {
        const decoder = plain.decoder(bytes);
        const clientSideThrottleTime = decoder.readInt32();
        const answers = plain.readArray(decoder, () => {
          plain.readString(decoder); // topic
          return plain.readArray(decoder, () => {
            const errorCode = decoder.readInt16();
            decoder.readInt32(); // partition
            return { errorCode, epoch: decoder.readInt32(), end: Number(decoder.readInt64()) };
          });
        });
        const answer = answers.flat()[0] ?? { errorCode: unknownPartition, epoch: -1, end: -1 };
        return { clientSideThrottleTime, ...answer };
      },
      parse: async (answer) => answer,
    },
  };
}
