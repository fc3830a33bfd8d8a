/** What tells that a connection may succeed now, or that an old one may be dead: the network is back, or the page is. */
const signs = ['online', 'pageshow', 'visibilitychange'];

/** Calls the listener at each sign, until what is given back is called. Outside of a page there are no signs. */
export function onWake(listener: (sign: string) => void): () => void {
  const page = globalThis as Page;
  const heard = ({ type }: { type: string }) => {
    if (type !== 'visibilitychange' || page.document?.visibilityState === 'visible') listener(type);
  };
  for (const sign of signs) page.addEventListener?.(sign, heard);
  return () => {
    for (const sign of signs) page.removeEventListener?.(sign, heard);
  };
}

/** What of a page is looked at here, also where there is none. */
interface Page {
  readonly document?: { readonly visibilityState: string };
  addEventListener?(type: string, listener: (event: { type: string }) => void): void;
  removeEventListener?(type: string, listener: (event: { type: string }) => void): void;
}

/** Milliseconds that nobody waits longer than, and what the first wait is at most. */
const longest = 10_000;
const first = 500;
/** For so long after a sign the waits are short again: a network that is back may need a second attempt. */
const fresh = 10_000;

let wokenAt = Number.NEGATIVE_INFINITY;

/**
 * Waits before an attempt: a random part of a time that doubles with each failed one before, at most 10 s (full jitter:
 * clients that were cut off together do not come back together). Ends at once with a sign that it may succeed now.
 */
export function pause(failed: number): Promise<void> {
  return new Promise((resolve) => {
    const most = Date.now() - wokenAt < fresh ? first : Math.min(longest, first * 2 ** failed);
    const over = () => {
      clearTimeout(timer);
      stop();
      resolve();
    };
    const timer = setTimeout(over, Math.random() * most);
    const stop = onWake(() => {
      wokenAt = Date.now();
      over();
    });
  });
}
