import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Channel } from '../event/channel.js';
import { isAfter, type Position } from '../event/position.js';
import type { Commit, Publication } from '../event/publication.js';
import { type LogTail, LogUnavailable, type TailListener } from './channel-log.js';
import { decodeCommit, decodeEntry, separator } from './entry.js';
import type { RedisKeys } from './redis-keys.js';
import { startProbe } from './redis-probe.js';

/** How many names go into one SUBSCRIBE: a reconnect with 100,000 channels must not be one command. */
const namesPerCommand = 1_000;
/** Milliseconds to wait for a SUBSCRIBE to be confirmed, reconnects included. */
const confirmTimeout = 5_000;
/** Milliseconds between two probes: a deaf connection is replaced after one to two of them. */
const probeEvery = 5_000;

export interface TailParts {
  /** The tail's own connection. */
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly shards: number;
  /** Where the log stands, by another connection. */
  readonly readHeads: () => Promise<readonly Position[]>;
  /** Publishes on a channel of this name, by another connection. */
  readonly publish: (name: string) => Promise<unknown>;
  readonly listener: TailListener;
  /** Milliseconds between two probes of the connection. Default 5000. */
  readonly every?: number;
}

/**
 * The live tail over one pub/sub connection, closed with the tail, and when it cannot be opened.
 *
 * Redis delivers what one script published in one unbroken row, ended by the shard's commit message. Publications are
 * staged until it comes: a subscription to several channels then sees them in the order of the log, and not channel
 * by channel.
 */
export async function openRedisTail(parts: TailParts): Promise<LogTail> {
  const { redis, keys, shards, readHeads, publish, listener, every = probeEvery } = parts;
  const probed = keys.probe(randomUUID());
  const staged: Publication[][] = Array.from({ length: shards }, () => []);
  const commits = new Map(staged.map((_, shard) => [keys.commit(shard), shard]));
  /** Channels wanted, each with the promise of its confirmation. */
  const wanted = new Map<Channel, Promise<void>>();
  /** Commits heard before the heads were known; null when the tail is whole, or down. */
  let early: Commit[] | null = null;
  let heads: readonly Position[] = [];
  let whole = false;
  let closed = false;
  let attempt = 0;
  let messages = 0;
  let next = signal();

  const namesOf = (channel: Channel) => staged.map((_, shard) => keys.channel(shard, channel));

  function hear(name: string, text: string) {
    const shard = commits.get(name);
    if (shard !== undefined) {
      const publications = staged[shard] as Publication[];
      staged[shard] = [];
      publications.sort((a, b) => a.position.number - b.position.number);
      const commit = { ...decodeCommit(shard, text), publications };
      if (early) early.push(commit);
      else tell(commit);
      return;
    }
    const parsed = keys.parse(name);
    if (!parsed) return;
    for (const entry of text.split(separator)) {
      (staged[parsed.shard] as Publication[]).push(decodeEntry(parsed.channel, parsed.shard, entry));
    }
  }

  function tell(commit: Commit) {
    const { position } = commit;
    const head = heads[position.shard] as Position;
    if (isAfter(position, head, position.epoch)) heads = heads.with(position.shard, position);
    // Commits before the heads are told too: the first few were on their way when those were read, but later on it is a number that
    // was given out twice.
    listener.commit(commit);
  }

  async function subscribe(names: string[]) {
    for (let i = 0; i < names.length; i += namesPerCommand) {
      await redis.subscribe(...names.slice(i, i + namesPerCommand));
    }
  }

  /** Hears everything again, then learns how far the log has come meanwhile. */
  async function restore() {
    const mine = ++attempt;
    for (const publications of staged) publications.length = 0;
    early = [];
    try {
      await subscribe([...commits.keys(), probed]);
      const heard = new Set<Channel>();
      const missing = () => [...wanted.keys()].filter((channel) => !heard.has(channel));
      let now: readonly Position[] = [];
      do {
        const channels = missing();
        await subscribe(channels.flatMap(namesOf));
        for (const channel of channels) heard.add(channel);
        now = await readHeads();
        if (mine !== attempt) return;
        // Listened to meanwhile, a channel counts on being heard from these heads on.
      } while (missing().length > 0);
      const again = heads.length > 0;
      const later = early;
      heads = now;
      whole = true;
      early = null;
      if (again) listener.restored(heads);
      for (const commit of later) tell(commit);
      const { resolve } = next;
      next = signal();
      resolve();
    } catch (error) {
      // The connection answers, but not as it should: begin anew rather than stay half deaf.
      if (mine === attempt && !closed) redis.disconnect(true);
      throw error;
    }
  }

  redis.on('message', (name: string, text: string) => {
    messages++;
    if (!whole && !early) return;
    try {
      hear(name, text);
    } catch {
      // Written by a version that this one does not know: whoever reads history is told so, again and again.
      redis.disconnect(true);
    }
  });
  try {
    await ready(redis);
    redis.on('close', () => {
      attempt++;
      early = null;
      if (!whole) return;
      whole = false;
      if (!closed) listener.interrupted();
    });
    await restore();
  } catch (error) {
    closed = true;
    redis.disconnect();
    throw error;
  }
  redis.on('ready', () => void restore().catch(() => undefined));
  const probe = startProbe({
    publish: () => publish(probed),
    heard: () => messages,
    deaf() {
      if (whole) redis.disconnect(true);
    },
    every,
  });

  return {
    async listen(channels) {
      const fresh = channels.filter((channel) => !wanted.has(channel));
      if (fresh.length > 0) {
        const restored = () => next.promise;
        const confirmed = whole ? subscribe(fresh.flatMap(namesOf)).catch(restored) : restored();
        for (const channel of fresh) wanted.set(channel, confirmed);
      }
      await confirmation(Promise.all(channels.map((channel) => wanted.get(channel))));
    },
    leave(channels) {
      const left = channels.filter((channel) => wanted.delete(channel));
      if (left.length > 0) redis.unsubscribe(...left.flatMap(namesOf)).catch(() => undefined);
    },
    heads: () => heads,
    renew: () => redis.disconnect(true),
    async close() {
      closed = true;
      probe.stop();
      redis.disconnect();
    },
  };
}

function signal() {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

async function ready(redis: Redis): Promise<void> {
  if (redis.status === 'ready') return;
  await confirmation(new Promise<void>((resolve) => redis.once('ready', resolve)));
}

/** Bounds a wait and turns its failure into the port's error. */
async function confirmation(wait: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not confirmed within ${confirmTimeout} ms`)), confirmTimeout);
  });
  try {
    await Promise.race([wait, late]);
  } catch (error) {
    throw new LogUnavailable(`Redis subscription: ${(error as Error).message}`, false, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
