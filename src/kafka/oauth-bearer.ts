import { z } from 'zod';

export interface ClientCredentials {
  /** Where tokens are given out. */
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string | null;
}

const answer = z.object({ access_token: z.string().min(1), expires_in: z.number().positive().optional() });

/** Milliseconds before its end from which a token is asked for anew; a token without an end is used once. */
const margin = 30_000;
const patience = 10_000;

/**
 * Tokens for Kafka's OAUTHBEARER by OAuth 2.0's client credentials grant (RFC 6749, section 4.4). Kafka asks for one at
 * every connection, so one that still lives is given again. `now` is a clock that nobody sets, in milliseconds: by one that is
 * set back, Kafka would be handed a token that is over. Throws an Error that names the address and never the secret.
 */
export function tokenProvider(
  { url, clientId, clientSecret, scope }: ClientCredentials,
  now = () => performance.now(),
) {
  let kept: { readonly value: string; readonly until: number } | null = null;

  return async (): Promise<{ value: string }> => {
    if (kept && now() < kept.until) return { value: kept.value };
    const basic = Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString('base64');
    const none = (why: string) => new Error(`${url} gave no token for Kafka: ${why}`);
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Basic ${basic}`, accept: 'application/json' },
      body: new URLSearchParams({ grant_type: 'client_credentials', ...(scope === null ? {} : { scope }) }),
      signal: AbortSignal.timeout(patience),
    }).catch((error: Error) => {
      // What fetch says itself is only that it failed.
      throw none(error.cause instanceof Error ? error.cause.message : error.message);
    });
    if (!response.ok) throw none(`HTTP ${response.status}`);
    // The error of a parser quotes what it read: that may be a token.
    const json: unknown = await response.json().catch(() => {
      throw none('its answer is no JSON');
    });
    const parsed = answer.safeParse(json);
    if (!parsed.success) throw none('its answer has no access_token');
    const { access_token: value, expires_in: seconds = 0 } = parsed.data;
    kept = { value, until: now() + seconds * 1_000 - margin };
    return { value };
  };
}
