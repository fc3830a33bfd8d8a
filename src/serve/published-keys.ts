import {
  createRemoteJWKSet,
  errors,
  type FlattenedJWSInput,
  flattenedVerify,
  type JWKSCacheInput,
  type JWTVerifyGetKey,
  jwksCache,
} from 'jose';

/** Milliseconds after which published keys are fetched again: a key that was taken back must not be good for ever. */
const fresh = 600_000;
/** Milliseconds between two attempts, also for a key nobody has heard of: made-up names must not call the host each time. */
const pause = 30_000;
/** Milliseconds that whoever signs in with a known key waits for a host that does not answer. */
const patience = 1_000;

/** Never set: with the clock on the wall an hour back, keys would not be fetched for an hour, and those taken back be good. */
const clock = () => performance.now();

/**
 * The keys an issuer publishes (JWKS). They are fetched when first asked for, when they have become old, and for a key
 * that is not among them, so that rotated keys are known without a restart. While the host fails, known keys stay good.
 */
export function publishedKeys(url: string, now = clock): JWTVerifyGetKey {
  const cache: { uat?: number } = {};
  const remote = createRemoteJWKSet(new URL(url), {
    cacheMaxAge: Number.POSITIVE_INFINITY,
    // By itself it would count from the last answer, and ask a host that fails anew for each made-up name.
    cooldownDuration: Number.POSITIVE_INFINITY,
    [jwksCache]: cache as JWKSCacheInput,
  });
  let tried = Number.NEGATIVE_INFINITY;
  let fetched = Number.NEGATIVE_INFINITY;
  /** jose's time of it, which only says that there was another. */
  let stamp: number | undefined;
  let attempt = Promise.resolve();
  /** Of the last attempt. */
  let failure: unknown = null;

  function lastFetched(): number {
    if (cache.uat !== stamp) [stamp, fetched] = [cache.uat, now()];
    return fetched;
  }
  const pauses = () => now() - Math.max(tried, lastFetched()) < pause;

  /** Resolves when the attempt that is under way is over, or a new one. */
  function reload(): Promise<void> {
    if (pauses()) return attempt;
    tried = now();
    attempt = remote.reload().then(
      () => {
        lastFetched();
        failure = null;
      },
      (error: unknown) => {
        failure = error;
      },
    );
    return attempt;
  }

  async function refresh() {
    if (cache.uat === undefined || now() - lastFetched() < fresh || pauses()) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patience);
    });
    await Promise.race([reload(), late]);
    clearTimeout(timer);
  }

  const known: JWTVerifyGetKey = async (header, token) => {
    try {
      return await remote(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSMultipleMatchingKeys) return whichSigned(token, error);
      throw error;
    } finally {
      lastFetched();
    }
  };

  return async (header, token) => {
    await refresh();
    try {
      return await known(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    }
    await reload();
    if (failure !== null) throw failure;
    return known(header, token);
  };
}

/** A token need not name its key, nor does a key have to have a name: while keys rotate there are two that it could be. */
async function whichSigned(token: FlattenedJWSInput, keys: errors.JWKSMultipleMatchingKeys): Promise<CryptoKey> {
  for await (const key of keys) {
    try {
      await flattenedVerify(token, key);
      return key;
    } catch {
      // Not this one, or one that is too weak to be any.
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}
