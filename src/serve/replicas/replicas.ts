import type { Redis } from 'ioredis';
import { Fault } from '../../event/faults.js';
import type { Logger } from '../../observe/logger.js';
import type { Told } from './told.js';

/**
 * What the replicas tell each other. Each hears everything, the teller too, in no promised order; nothing is kept, so
 * what must not be lost is stored first, and read again whenever one has been away.
 */
export interface Replicas {
  /** Resolves when the message is on its way. Throws Fault UNAVAILABLE. */
  tell(told: Told): Promise<void>;
  hear(listener: (told: Told) => void): void;
  /** Calls whenever this one begins to hear: it may have missed something before. */
  onJoined(listener: () => void): void;
  /** Idempotent. */
  close(): void;
}

/** For replicas in one process; one alone by default. */
export function memoryReplicas(): Replicas {
  const listeners = new Set<(told: Told) => void>();
  return {
    async tell(told) {
      for (const listener of listeners) queueMicrotask(() => listener(told));
    },
    hear: (listener) => void listeners.add(listener),
    onJoined: (listener) => queueMicrotask(listener),
    close() {},
  };
}

const channelOf = (prefix: string) => `${prefix}:replicas`;

/** Tells the replicas, for a process that is none of them. Throws Fault UNAVAILABLE. */
export async function tellReplicas(redis: Redis, prefix: string, told: Told): Promise<void> {
  try {
    await redis.publish(channelOf(prefix), JSON.stringify(told));
  } catch {
    throw new Fault('UNAVAILABLE', { why: 'the other replicas cannot be reached' });
  }
}

/** Replicas that reach each other over one pub/sub channel. `listening` is closed here, `telling` by whoever opened it. */
export function redisReplicas(telling: Redis, listening: Redis, prefix: string, logger: Logger): Replicas {
  const listeners = new Set<(told: Told) => void>();
  const joined = new Set<() => void>();
  let here = false;

  listening.on('ready', () => {
    listening.subscribe(channelOf(prefix)).then(
      () => {
        here = true;
        for (const listener of joined) listener();
      },
      // A refused SUBSCRIBE leaves a connection that answers and hears nothing: it begins anew rather than stay deaf.
      () => listening.disconnect(true),
    );
  });
  listening.on('close', () => {
    here = false;
  });
  listening.on('message', (_: string, text: string) => {
    let told: Told;
    try {
      told = JSON.parse(text) as Told;
    } catch {
      return logger.warn({}, 'a replica told something that cannot be read');
    }
    for (const listener of listeners) listener(told);
  });

  return {
    tell: (told) => tellReplicas(telling, prefix, told),
    hear: (listener) => void listeners.add(listener),
    onJoined(listener) {
      joined.add(listener);
      if (here) listener();
    },
    close: () => listening.disconnect(),
  };
}
