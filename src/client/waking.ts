/** What tells that a connection may succeed now, or that an old one may be dead: the network is back, or the page is. */
const signs = ['online', 'pageshow', 'visibilitychange'];

/** Calls the listener at each of these signs, until what is given back is called. Outside of a page there are none. */
export function onWake(listener: () => void, of: readonly string[] = signs): () => void {
  const page = globalThis as Page;
  const until = new AbortController();
  for (const sign of of) page.addEventListener?.(sign, () => page.document?.hidden || listener(), until);
  return () => until.abort();
}

/** What of a page is looked at here, also where there is none. */
interface Page {
  readonly document?: { readonly hidden: boolean };
  addEventListener?(type: string, listener: () => void, until: { signal: AbortSignal }): void;
}

/** Milliseconds that nobody waits longer than. */
const longest = 10_000;
/** What the first wait is at most. */
const first = 500;

/** Until then the waits are short: where the network is back, the first attempt may still come too early. */
let awake = 0;

/**
 * Waits before an attempt: a random part of a time that doubles with each failed one before, at most 10 s (full jitter:
 * clients that were cut off together do not come back together). Ends at once with a sign that it may succeed now.
 */
export const pause = (failed: number): Promise<void> =>
  new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      stop();
      resolve();
    };
    const stop = onWake(() => {
      awake = Date.now() + longest;
      over();
    });
    const timer = setTimeout(
      over,
      Math.random() * (Date.now() < awake ? first : Math.min(longest, first * 2 ** failed)),
    );
  });
