import { cursorCodec } from '../../src/event/cursor.js';
import { Engine } from '../../src/graphql/engine.js';
import { makeExecutable, type Resolvers } from '../../src/graphql/executable.js';
import { openHub } from '../../src/hub/open-hub.js';
import type { ChannelLogReader } from '../../src/log/channel-log.js';
import { noObservers } from '../../src/observe/observers.js';
import type { StreamSchema } from '../../src/schema/stream-schema.js';

export interface ReplicaParts {
  readonly log: ChannelLogReader;
  readonly streams: StreamSchema;
  readonly resolvers: Resolvers;
  readonly now: () => number;
  /** Bytes of what it heard lately that it keeps. */
  readonly tailBytes: number;
}

/** A gateway without its sockets, whose waits are as short as a property test wants them. */
export async function openReplica({ log, streams, resolvers, now, tailBytes }: ReplicaParts) {
  const hub = await openHub({ log, observers: noObservers, probeEvery: 20, grace: 2, leaveDelay: 1, tailBytes });
  const engine = new Engine({
    streams,
    executable: makeExecutable(streams, resolvers, '1'),
    hub,
    cursors: cursorCodec(['secret']),
    pubsub: {} as never,
    observers: noObservers,
    now,
    introspection: false,
    limits: { channelsPerSubscription: 256, rewindScan: 1_000 },
  });
  return { hub, engine };
}
