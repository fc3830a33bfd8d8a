import { createRemoteJWKSet, type JWKSCacheInput, type JWTVerifyGetKey, jwksCache } from 'jose';

/** Milliseconds after which published keys are fetched again: a key that was taken back must not be good for ever. */
const fresh = 600_000;
/** Milliseconds between two attempts, also for a key nobody has heard of: made-up names must not call the host each time. */
const pause = 30_000;
/** Milliseconds that whoever signs in with a known key waits for a host that does not answer. */
const patience = 1_000;

/**
 * The keys an issuer publishes (JWKS). They are fetched when first asked for, when they have become old, and for a key
 * that is not among them, so that rotated keys are known without a restart. While the host fails, known keys stay good.
 */
export function publishedKeys(url: string, now = Date.now): JWTVerifyGetKey {
  const cache: { uat?: number } = {};
  const remote = createRemoteJWKSet(new URL(url), {
    cacheMaxAge: Number.POSITIVE_INFINITY,
    cooldownDuration: pause,
    [jwksCache]: cache as JWKSCacheInput,
  });
  let tried = 0;

  async function refresh() {
    const { uat: fetched } = cache;
    if (fetched === undefined || now() - fetched < fresh || now() - tried < pause) return;
    tried = now();
    const reloading = remote.reload();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patience);
    });
    await Promise.race([reloading.catch(() => undefined), late]);
    clearTimeout(timer);
  }

  return async (header, token) => {
    await refresh();
    return remote(header, token);
  };
}
