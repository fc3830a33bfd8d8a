import { createHash, randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { Fault } from '../../event/faults.js';
import { clockStep } from './clock-steps.js';

/** Where tickets are kept, for any replica. Values are JSON; times are milliseconds. */
export interface TicketStore {
  set(key: string, value: string, ttl: number): Promise<void>;
  get(key: string): Promise<string | null>;
  /** Gets what is there; where nothing is, this is set. */
  keep(key: string, value: string, ttl: number): Promise<string>;
  /** Gets and deletes at once: of two who ask for the same key, one gets it. */
  take(key: string): Promise<string | null>;
}

export function memoryTickets(now = () => performance.now()): TicketStore {
  const kept = new Map<string, { value: string; until: number }>();
  const found = (key: string) => {
    const one = kept.get(key);
    return one && one.until > now() ? one.value : null;
  };
  const get = async (key: string) => found(key);
  async function set(key: string, value: string, ttl: number) {
    for (const [old, { until }] of kept) if (until <= now()) kept.delete(old);
    kept.set(key, { value, until: now() + ttl });
  }
  return {
    get,
    set,
    async keep(key, value, ttl) {
      const there = found(key);
      if (there === null) await set(key, value, ttl);
      return there ?? value;
    },
    take(key) {
      const taken = get(key);
      kept.delete(key);
      return taken;
    },
  };
}

/** A store for all replicas. Throws Fault UNAVAILABLE while Redis cannot be asked. */
export function redisTickets(redis: Redis, prefix: string): TicketStore {
  const name = (key: string) => `${prefix}:ticket:${key}`;
  const whole = (ttl: number) => Math.max(1, Math.ceil(ttl));
  async function asked<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch {
      throw new Fault('UNAVAILABLE', { why: 'tickets cannot be looked up' });
    }
  }
  return {
    set: async (key, value, ttl) => void (await asked(redis.set(name(key), value, 'PX', whole(ttl)))),
    keep: async (key, value, ttl) => (await asked(redis.set(name(key), value, 'PX', whole(ttl), 'NX', 'GET'))) ?? value,
    get: (key) => asked(redis.get(name(key))),
    take: (key) => asked(redis.getdel(name(key))),
  };
}

/** Milliseconds in which a new ticket must be used. */
export const ticketLife = 60_000;
const day = 24 * 3_600_000;
/** Milliseconds that a ticket is kept at most. Java's longest number as `exp` is more of them than Redis can add to its clock. */
const longest = 365 * day;

export interface Redeemed {
  readonly token: string;
  /** True while no newer stream has taken the ticket over. To be asked now and then: asking is what keeps the ticket. */
  holds(): Promise<boolean>;
}

interface Ticket {
  readonly token: string;
  readonly expires: number | null;
  /** Milliseconds since 1970, by the clock of the replica that gave it out. */
  readonly issued: number;
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
  /** Milliseconds that a ticket lasts once used; of a token without `exp` a day, and longer while its stream runs. */
  const left = ({ expires }: Ticket) => (expires === null ? day : Math.min(expires - now(), longest));
  /** Milliseconds that the store keeps a ticket: longer than it lasts, for the store's clock may be set, and it would be gone before its token. */
  const kept = (ticket: Ticket) => left(ticket) + (ticket.expires === null ? 0 : clockStep);
  /** Whether an unused ticket is too old. The store's own clock, set back by an hour, keeps one for an hour; where both are one machine's, both were set back. */
  const isLate = ({ issued }: Ticket) => Math.abs(now() - issued) >= ticketLife;
  return {
    async issue(token: string, expires: number | null): Promise<string> {
      const ticket = randomBytes(24).toString('base64url');
      const issued: Ticket = { token, expires, issued: now(), stream: null };
      await store.set(fresh(ticket), JSON.stringify(issued), ticketLife);
      return ticket;
    },

    /** The token behind a ticket, or null when that cannot open a stream now. From then on `stream` holds the ticket. */
    async redeem(ticket: string, resuming: boolean, stream: string): Promise<Redeemed | null> {
      const unused = await store.take(fresh(ticket));
      const text = unused ?? (resuming ? await store.get(used(ticket)) : null);
      if (text === null) return null;
      const own: Ticket = { ...(JSON.parse(text) as Ticket), stream };
      if (left(own) <= 0 || (unused !== null && isLate(own))) return null;
      await store.set(used(ticket), JSON.stringify(own), kept(own));
      return {
        token: own.token,
        async holds() {
          // A ticket whose token is over is taken over by nobody. Its stream may have renewed the token and run on.
          if (left(own) <= 0) return true;
          // Kept anew where it is missing: a Redis that has lost it would end the stream, and its browser for ever.
          const now = await store.keep(used(ticket), JSON.stringify(own), kept(own));
          return (JSON.parse(now) as Ticket).stream === stream;
        },
      };
    },
  };
}

export type TicketOffice = ReturnType<typeof ticketOffice>;
