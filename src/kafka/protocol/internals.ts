import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type { Kafka } from 'kafkajs';

/** The parts of kafkajs 2 that its own types leave out, as far as we use them. */
const load = createRequire(import.meta.url);

export interface Encoder {
  readonly buffer: Buffer;
  writeInt8(value: number): this;
  writeInt16(value: number): this;
  writeInt32(value: number): this;
  writeInt64(value: number | string): this;
  writeBoolean(value: boolean): this;
  writeString(value: string | null): this;
  writeBuffer(value: Buffer): this;
  writeEncoder(value: Encoder): this;
  writeUVarInt(value: number): this;
  writeUVarIntString(value: string | null): this;
}

export interface Decoder {
  readInt8(): number;
  readInt16(): number;
  readInt32(): number;
  readInt64(): bigint;
  readBoolean(): boolean;
  readString(): string | null;
  readUVarInt(): number;
  readUVarIntString(): string | null;
  readBytes(length: number): Buffer;
  forward(size: number): void;
}

export interface ProtocolRequest<T> {
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
    encode(): Promise<Encoder>;
  };
  readonly response: {
    decode(bytes: Buffer): Promise<T>;
    parse(decoded: T): Promise<T>;
  };
  readonly requestTimeout?: number;
}

/** By the key of the request. */
export type ApiVersions = Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>>;

export interface ConnectionPool {
  readonly host: string;
  readonly port: number;
  readonly pool: readonly { readonly socket?: Socket }[];
  send<T>(request: ProtocolRequest<T>): Promise<T>;
}

export interface Broker {
  readonly connectionPool: ConnectionPool;
  /** Known once it is connected. */
  readonly versions: ApiVersions | null;
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  apiVersions(): Promise<ApiVersions>;
  lookupRequest(apiKey: number, definitions: unknown): (request: FetchRequest) => ProtocolRequest<FetchResponse>;
  fetch(request: FetchRequest): Promise<FetchResponse>;
}

export interface Cluster {
  readonly rootLogger: unknown;
  /** Without a destination each call takes the next of the addresses that kafkajs was given. */
  readonly connectionPoolBuilder: {
    build(destination?: { readonly host: string; readonly port: number }): Promise<ConnectionPool>;
  };
  readonly brokerPool: {
    createBroker(options: { readonly connectionPool: ConnectionPool; readonly logger: unknown }): Broker;
  };
}

export interface FetchPartition {
  readonly partition: number;
  readonly fetchOffset: string;
  readonly maxBytes: number;
  /** Sent from version 9 on; absent: the broker does not compare. */
  readonly currentLeaderEpoch?: number;
}

export interface FetchTopic {
  readonly topic: string;
  readonly partitions: readonly FetchPartition[];
}

export interface FetchRequest {
  readonly isolationLevel: number;
  readonly maxWaitTime: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly topics: readonly FetchTopic[];
  readonly rackId: string;
}

/** What the batch of a record says. */
export interface BatchContext {
  readonly firstOffset: string;
  readonly partitionLeaderEpoch: number;
}

export interface FetchedPartition {
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: string;
  readonly lastStableOffset?: string;
  readonly lastStartOffset?: string;
  readonly abortedTransactions?: readonly { readonly producerId: string; readonly firstOffset: string }[];
  readonly preferredReadReplica?: number;
  /** Markers too. Messages of the formats before Kafka 0.11 have no context. */
  readonly messages: readonly { readonly batchContext?: BatchContext }[];
}

export interface FetchedTopic {
  readonly topicName: string;
  readonly partitions: readonly FetchedPartition[];
}

export interface FetchResponse {
  readonly throttleTime: number;
  readonly clientSideThrottleTime?: number;
  readonly errorCode?: number;
  readonly sessionId?: number;
  readonly responses: readonly FetchedTopic[];
}

export const Encoder = load('kafkajs/src/protocol/encoder') as new () => Encoder;
export const Decoder = load('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => Decoder;

/** Reads an INT32 with the size, then the batches; leaves out one that ends too early. */
export const decodeMessages = load('kafkajs/src/protocol/requests/fetch/v4/decodeMessages') as (
  records: Pick<Decoder, 'readInt32' | 'readBytes'> & { canReadBytes(length: number): boolean },
) => Promise<FetchedPartition['messages']>;

/** What kafkajs throws for an error code; `type` is its name. */
export const errorOf = (
  load('kafkajs/src/protocol/error') as { createErrorFromCode(code: number): Error & { readonly type: string } }
).createErrorFromCode;

export interface ClusterOptions {
  readonly allowAutoTopicCreation?: boolean;
}

/** What kafkajs' clients make their requests through. Nothing is connected yet. */
export function clusterOf(kafka: Kafka, options: ClusterOptions): Cluster {
  const makers = kafka as unknown as Record<symbol, (options: ClusterOptions) => Cluster>;
  return makers[clusterSymbol(kafka)]?.(options) as Cluster;
}

/** The same `kafka`, but the clusters of its clients have passed through `change`. */
export function withClusters(kafka: Kafka, change: (cluster: Cluster) => Cluster): Kafka {
  const value = (options: ClusterOptions) => change(clusterOf(kafka, options));
  return Object.create(kafka, { [clusterSymbol(kafka)]: { value } });
}

function clusterSymbol(kafka: Kafka): symbol {
  const found = Object.getOwnPropertySymbols(kafka).find(({ description }) => {
    return description === 'private:Kafka:createCluster';
  });
  if (found === undefined) throw new TypeError('This kafkajs makes its clusters in another way.');
  return found;
}
