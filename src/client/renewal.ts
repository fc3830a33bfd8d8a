/** Milliseconds before its end that a token is renewed; one that lives less than twice as long, at half of its time. */
const ahead = 30_000;
/** With less than this left it is too late: the connection ends with its token, and another takes its place. */
const tooLate = 1_000;
/** Beyond this a timer fires at once. A page that is open for 24 days connects again with a new token. */
const longest = 2 ** 31 - 1;

/**
 * Asks for the next `Authorization` before this one ends, and brings it to the server, over and over. Gives the way to
 * stop it. A token that cannot be read, or has no end, is left alone, and so is one whose successor cannot be had.
 */
export function renewing(
  authorization: unknown,
  ask: () => unknown,
  bring: (authorization: string) => void,
): () => void {
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function renew() {
    const next = authorizationIn(await ask());
    if (stopped || typeof next !== 'string') return;
    bring(next);
    waitFor(next);
  }

  function waitFor(current: unknown) {
    const time = renewalIn(current);
    if (time < longest) timer = setTimeout(() => renew().catch(() => undefined), time);
  }

  waitFor(authorization);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

/** Milliseconds until it is time to renew this token; infinite when its end cannot be read, or is too close. */
export function renewalIn(authorization: unknown): number {
  try {
    const [, payload = ''] = String(authorization).split('.');
    const left = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))).exp * 1_000 - Date.now();
    if (left > tooLate) return Math.max(left / 2, left - ahead);
  } catch {}
  return 1 / 0;
}

/** Where a client puts its token: in headers, or in the parameters of a connection. */
export const authorizationIn = (given: unknown): unknown => {
  const { Authorization, authorization } = (given ?? {}) as Record<string, unknown>;
  return Authorization ?? authorization;
};

/** What may be told that the server refused its token. */
export interface Refusable {
  refused?(authorization: unknown): void;
}
