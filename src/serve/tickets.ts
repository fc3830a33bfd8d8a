import { createHash, randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { Fault } from '../event/faults.js';

/** A ticket's life, as any replica sees it. Values are JSON; times are milliseconds. */
export interface TicketStore {
  set(key: string, value: string, ttl: number): Promise<void>;
  get(key: string): Promise<string | null>;
  /** Gets and deletes at once: of two who ask for the same key, one gets it. */
  take(key: string): Promise<string | null>;
}

export function memoryTickets(now = Date.now): TicketStore {
  const kept = new Map<string, { value: string; until: number }>();
  const get = async (key: string) => {
    const found = kept.get(key);
    return found && found.until > now() ? found.value : null;
  };
  return {
    get,
    async set(key, value, ttl) {
      for (const [old, { until }] of kept) if (until <= now()) kept.delete(old);
      kept.set(key, { value, until: now() + ttl });
    },
    take(key) {
      const found = get(key);
      kept.delete(key);
      return found;
    },
  };
}

/** For all replicas. Throws Fault UNAVAILABLE while Redis cannot be asked. */
export function redisTickets(redis: Redis, prefix: string): TicketStore {
  const name = (key: string) => `${prefix}:ticket:${key}`;
  async function asked<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch {
      throw new Fault('UNAVAILABLE', { why: 'tickets cannot be looked up' });
    }
  }
  return {
    set: async (key, value, ttl) => void (await asked(redis.set(name(key), value, 'PX', Math.max(1, Math.ceil(ttl))))),
    get: (key) => asked(redis.get(name(key))),
    take: (key) => asked(redis.getdel(name(key))),
  };
}

/** Milliseconds in which a new ticket must be used. */
export const ticketLife = 60_000;
/** Milliseconds a ticket of a token without `exp` lasts once used. */
const longest = 24 * 3_600_000;

interface Ticket {
  readonly token: string;
  readonly expires: number | null;
  /** The stream that holds it; null until it was used. */
  readonly stream: string | null;
}

/**
 * For `EventSource`, which cannot send headers: a ticket opens one stream within a minute. After that it works only
 * together with `Last-Event-ID`, so that the browser's own reconnect resumes while a copied URL does nothing, and for
 * one stream at a time: the newest wins. The store knows it by its hash.
 */
export function ticketOffice(store: TicketStore, now = Date.now) {
  const hash = (ticket: string) => createHash('sha256').update(ticket).digest('base64url');
  const fresh = (ticket: string) => `new:${hash(ticket)}`;
  const used = (ticket: string) => `used:${hash(ticket)}`;
  return {
    async issue(token: string, expires: number | null): Promise<string> {
      const ticket = randomBytes(24).toString('base64url');
      await store.set(fresh(ticket), JSON.stringify({ token, expires, stream: null } satisfies Ticket), ticketLife);
      return ticket;
    },

    /** The token behind it, or null when it cannot open a stream now. From then on `stream` holds it. */
    async redeem(ticket: string, resuming: boolean, stream: string): Promise<string | null> {
      const text = (await store.take(fresh(ticket))) ?? (resuming ? await store.get(used(ticket)) : null);
      if (text === null) return null;
      const found = JSON.parse(text) as Ticket;
      const left = found.expires === null ? longest : found.expires - now();
      if (left <= 0) return null;
      await store.set(used(ticket), JSON.stringify({ ...found, stream } satisfies Ticket), left);
      return found.token;
    },

    /** True while no newer stream has taken the ticket over. */
    async holds(ticket: string, stream: string): Promise<boolean> {
      const text = await store.get(used(ticket));
      return text !== null && (JSON.parse(text) as Ticket).stream === stream;
    },
  };
}

export type TicketOffice = ReturnType<typeof ticketOffice>;
