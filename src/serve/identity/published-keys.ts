import { createLocalJWKSet, errors, type FlattenedJWSInput, flattenedVerify, type JWTVerifyGetKey } from 'jose';
import type { Logger } from '../../observe/logger.js';
import type { GatewayMetrics } from '../../observe/metrics.js';
import { fetchKeySet, KeysOutOfReach, shown } from './key-set.js';

/** Milliseconds after which published keys are fetched again: a key that was taken back must not be good for ever. */
const fresh = 600_000;
/** Milliseconds between two attempts, also for a key nobody has heard of: made-up names must not call the host each time. */
const pause = 30_000;
/** Milliseconds after the first attempt while no key was ever had; twice as many after each further one, up to `pause`. */
const firstPause = 500;
/** Milliseconds that whoever signs in waits: with a known key for a host that does not answer, without any for the next attempt. */
const patience = 1_000;
/** Milliseconds that the host may take for an answer. */
const hostPatience = 5_000;
/** Milliseconds between two warnings of one outage. */
const warnEvery = 60_000;

/** A clock that is never set: with the clock on the wall an hour back, keys would not be fetched for an hour, and those taken back be good. */
const clock = () => performance.now();

/** Who is told what becomes of the attempts. */
export interface KeyWatchers {
  readonly logger?: Logger | undefined;
  readonly metrics?: Pick<GatewayMetrics, 'keysFetched'> | undefined;
}

export interface PublishedKeysParts extends KeyWatchers {
  readonly url: string;
  /** An authority (PEM) by which its host is known, beside all others. */
  readonly ca?: string | null;
  readonly now?: () => number;
}

export interface PublishedKeys {
  /** The key that a token's header means. Throws KeysOutOfReach while nobody can say. */
  readonly keyFor: JWTVerifyGetKey;
  /** Null once a key was had; else a sentence with the address and why not. */
  whyNone(): string | null;
  /** From now on the keys are fetched also while nobody signs in. */
  keep(): void;
  /** Idempotent. */
  close(): void;
}

/**
 * The keys an issuer publishes (JWKS). They are fetched when first asked for, when they have become old, and for a key
 * that is not among them, so that rotated keys are known without a restart. While the host fails, known keys stay good.
 * There is one attempt at a time, and a pause after each.
 */
export function publishedKeys({ url, ca = null, logger, metrics, now = clock }: PublishedKeysParts): PublishedKeys {
  const address = shown(url);
  const closing = new AbortController();
  let known: JWTVerifyGetKey | null = null;
  let fetched = Number.NEGATIVE_INFINITY;
  /** When the next attempt is due: before, there is none. */
  let due = Number.NEGATIVE_INFINITY;
  let underWay: Promise<void> | null = null;
  /** Why the last attempt has failed. */
  let failure: KeysOutOfReach | null = null;
  let nextPause = firstPause;
  const tell = teller(address, now, { logger, metrics });
  let kept = false;
  let timer: NodeJS.Timeout | undefined;

  async function load(): Promise<void> {
    try {
      const set = await fetchKeySet({ url, ca, patience: hostPatience }, closing.signal);
      const isEmpty = set.keys.length === 0;
      // An empty set counts too: the keys that were there are taken back.
      if (known || !isEmpty) [known, fetched] = [createLocalJWKSet(set), now()];
      failure = isEmpty ? new KeysOutOfReach('its list has no key of a kind that signs tokens') : null;
    } catch (error) {
      if (closing.signal.aborted) return;
      failure = error as KeysOutOfReach;
    }
    due = now() + (known ? pause : nextPause);
    nextPause = Math.min(pause, nextPause * 2);
    tell(failure);
  }

  /** Resolves when the attempt that is under way is over, or a new one; at once while there is a pause. */
  function attempt(): Promise<void> {
    if (underWay) return underWay;
    if (now() < due || closing.signal.aborted) return Promise.resolve();
    underWay = load().finally(() => {
      underWay = null;
      schedule();
    });
    return underWay;
  }

  function schedule(): void {
    if (!kept || closing.signal.aborted) return;
    clearTimeout(timer);
    const at = failure || !known ? due : fetched + fresh;
    timer = setTimeout(() => void attempt().then(schedule), Math.max(0, Math.ceil(at - now())));
    timer.unref();
  }

  /** Waits for an attempt that is near, for whoever comes while no key was ever had. */
  async function first(): Promise<JWTVerifyGetKey> {
    const left = due - now();
    if (!underWay && left > 0 && left <= patience) {
      // A timer rings up to a millisecond before its time (nodejs/node#26578): without one more there would be no attempt yet.
      await new Promise((resolve) => setTimeout(resolve, Math.ceil(left) + 1));
    }
    await attempt();
    if (known === null) throw failure ?? new KeysOutOfReach('they are not fetched any more');
    return known;
  }

  async function refresh(): Promise<void> {
    if (now() - fetched < fresh || (!underWay && now() < due)) return;
    let timeout: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timeout = setTimeout(resolve, patience);
    });
    await Promise.race([attempt(), late]);
    clearTimeout(timeout);
  }

  return {
    async keyFor(header, token) {
      if (known) await refresh();
      const keys = known ?? (await first());
      try {
        return await keyIn(keys, header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      }
      await attempt();
      if (failure !== null) throw failure;
      return keyIn(known ?? keys, header, token);
    },
    whyNone: () => (known ? null : `${address}: ${failure?.message ?? 'it has not answered yet'}`),
    keep() {
      kept = true;
      void attempt();
    },
    close() {
      clearTimeout(timer);
      closing.abort();
    },
  };
}

/** Tells of each attempt; of an outage at once, then once a minute while it lasts, and at its end. */
function teller(address: string, now: () => number, { logger, metrics }: KeyWatchers) {
  let warned: number | null = null;
  return (failure: KeysOutOfReach | null): void => {
    metrics?.keysFetched(address, failure === null);
    if (failure === null) {
      if (warned !== null) logger?.info({ address }, 'The keys that verify tokens can be fetched again');
      warned = null;
    } else if (warned === null || now() - warned >= warnEvery) {
      logger?.warn({ address, reason: failure.message }, 'The keys that verify tokens cannot be fetched');
      warned = now();
    }
  };
}

async function keyIn(keys: JWTVerifyGetKey, ...[header, token]: Parameters<JWTVerifyGetKey>) {
  try {
    return await keys(header, token);
  } catch (error) {
    if (error instanceof errors.JWKSMultipleMatchingKeys) return whichSigned(token, error);
    throw error;
  }
}

/** A token need not name its key, nor does a key have to have a name: while keys rotate there are two that it could be. */
async function whichSigned(token: FlattenedJWSInput, keys: errors.JWKSMultipleMatchingKeys): Promise<CryptoKey> {
  for await (const key of keys) {
    try {
      await flattenedVerify(token, key);
      return key;
    } catch {
      // Another key's signature, or a key that is too weak to be any.
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}
