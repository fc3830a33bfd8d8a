import { type Refusable, renewalIn } from './renewal.js';
import { pause } from './waking.js';

/** Where a page has its token from, for everything that needs one. */
export interface TokenSource {
  /** The token: the one that is known while it is good for long enough, else a fresh one. Rejects as its fetch does. */
  (): Promise<string>;
  /**
   * The same as a header: what `connectionParams` of graphql-ws, `headers` of graphql-sse and of HTTP take. The client
   * kit tells it which tokens were refused.
   */
  readonly headers: (() => Promise<{ authorization: string }>) & Refusable;
  /** A server has refused this token, or this header of it (401, `UNAUTHENTICATED`): who asks next is given a fresh one. */
  refused(token: unknown): void;
}

/**
 * Keeps a token and asks for another in time, with one request for however many ask meanwhile:
 *
 *     const source = tokenSource(async () => (await fetch('/token')).text());
 *     resumingWebSocket({ url, connectionParams: source.headers });
 *
 * It is renewed 30 s before its end, or at half of its time when it lives for less than a minute; one whose end cannot be
 * read is kept until it is refused. A fetch that fails rejects for those who wait for it, and who asks next tries again.
 */
export function tokenSource(fetchToken: () => Promise<string>): TokenSource {
  let token: string | null = null;
  let freshUntil = 0;
  let coming: Promise<string> | null = null;
  /** How many in a row were refused: then the page or its server is at fault, and asking faster mends neither. */
  let refusals = 0;

  async function fetched(): Promise<string> {
    try {
      if (refusals > 1) await pause(refusals);
      const next = await fetchToken();
      // A connection asks when its own timer says so, which may ring a moment early, and must not be given the old one.
      freshUntil = Date.now() + renewalIn(next) - early;
      token = next;
      return next;
    } finally {
      coming = null;
    }
  }

  async function source(): Promise<string> {
    if (token !== null && Date.now() < freshUntil) return token;
    if (token !== null) refusals = 0;
    coming ??= fetched();
    return coming;
  }

  function refused(which: unknown) {
    // Of many connections with the same token each is refused: only the first tells something.
    if (token === null || String(which).replace(/^bearer +/i, '') !== token) return;
    token = null;
    refusals++;
  }

  return sourceOf(source, refused);
}

/** A source of what this function gives, which hears what was refused of it. */
export function sourceOf(source: () => Promise<string>, refused: (token: unknown) => void): TokenSource {
  const headers = async () => ({ authorization: `Bearer ${await source()}` });
  return Object.assign(source, { headers: Object.assign(headers, { refused }), refused });
}

const early = 1_000;
