import { defaultBounds, type OperationBounds } from '../../graphql/operation/bounds.js';

/** How much clients may have and ask for. A limit's name is that of its variable, and stands in LIMIT_EXCEEDED. */
export interface GatewayLimits extends OperationBounds {
  readonly subscriptionsPerSocket: number;
  /** WebSockets and event streams of this replica; of one address; of one person. */
  readonly connections: number;
  readonly connectionsPerAddress: number;
  readonly connectionsPerUser: number;
  /** On all of a person's connections to this replica. */
  readonly subscriptionsPerUser: number;
  /** New connections a second. */
  readonly connectRate: number;
  /** Connections on which no request has come yet. */
  readonly halfOpen: number;
  /** Mutations of one person on all replicas, or of one address where nobody signed in. */
  readonly mutationsPerMinute: number;
  readonly channelsPerSubscription: number;
  readonly messageBytes: number;
  /** Bytes of the path, query and headers of one request. */
  readonly headerBytes: number;
  /** Messages a second on one WebSocket. */
  readonly messageRate: number;
  /** Bytes that may wait for a socket before its subscriptions are parked. */
  readonly socketBuffer: number;
  /** Bytes that may wait in all sockets together. */
  readonly processBuffer: number;
  /** Bytes of what was heard lately that are kept for those who come back. */
  readonly tailBytes: number;
  /** Milliseconds until `connection_init` must have come. */
  readonly initTimeout: number;
  /** Milliseconds until a request must have come, with its headers and its body. */
  readonly requestTimeout: number;
  /** Entries that a subscription reads when it resumes. */
  readonly replay: number;
  /** The most events `rewind` gives, and looks at per channel. */
  readonly rewind: number;
}

export const defaultLimits: GatewayLimits = {
  ...defaultBounds,
  subscriptionsPerSocket: 100,
  connections: 20_000,
  connectionsPerAddress: 2_000,
  connectionsPerUser: 100,
  subscriptionsPerUser: 1_000,
  connectRate: 1_000,
  halfOpen: 5_000,
  mutationsPerMinute: 300,
  channelsPerSubscription: 256,
  messageBytes: 65_536,
  headerBytes: 16_384,
  messageRate: 100,
  socketBuffer: 262_144,
  processBuffer: 268_435_456,
  tailBytes: 33_554_432,
  initTimeout: 3_000,
  requestTimeout: 10_000,
  replay: 100_000,
  rewind: 1_000,
};
