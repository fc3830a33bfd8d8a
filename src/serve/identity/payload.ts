import { Fault } from '../../event/faults.js';

/** What a `connection_init` or a `ping` brings. */
export type Payload = Readonly<Record<string, unknown>>;

/** Names under which clients send tokens, in whatever way they are written: `access_token`, `access-token`, `accessToken`. */
const namesOfTokens = new Set(['token', 'accesstoken', 'idtoken', 'authtoken', 'authorization', 'jwt']);
export const isNameOfToken = (name: string) => namesOfTokens.has(name.toLowerCase().replace(/[-_]/g, ''));

/** The value of `Authorization` in a payload; null when there is none. Throws Fault when it is no text. */
export function authorizationIn(payload: Payload | null | undefined): string | null {
  const value = payload?.Authorization ?? payload?.authorization ?? null;
  if (value === null || typeof value === 'string') return value || null;
  throw new Fault('UNAUTHENTICATED', { why: 'Authorization must be text' });
}

const looksLikeToken = /^(bearer +)?[\w-]+\.[\w-]+\.[\w-]+$/i;

/**
 * Where a payload without `Authorization` has a token all the same: among headers, as many set up Apollo and urql, or
 * under another name. Null where it has none. Passed over, its sender would be taken for nobody, or for whom a cookie says.
 */
function misplacedToken(payload: Payload | null | undefined): string | null {
  if (!payload || payload.Authorization || payload.authorization) return null;
  const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
  const header = Object.entries(payload.headers ?? {}).find(
    ([name, value]) => name.toLowerCase() === 'authorization' && isText(value),
  );
  if (header) return `headers.${header[0]}`;
  const other = Object.entries(payload).find(
    ([name, value]) => isNameOfToken(name) && isText(value) && looksLikeToken.test(value),
  );
  return other?.[0] ?? null;
}

/** Throws Fault for a payload whose token nobody reads; `name` is what its sender calls the payload. */
export function refuseMisplacedToken(payload: Payload | null | undefined, name: string): void {
  const place = misplacedToken(payload);
  if (place === null) return;
  throw new Fault('UNAUTHENTICATED', { why: `it is read from ${name}.Authorization, not ${name}.${place}` });
}

/** Whether the payload of a ping asks for a renewal. */
export const bringsToken = (payload: Payload | null | undefined): boolean =>
  payload?.Authorization !== undefined || payload?.authorization !== undefined || misplacedToken(payload) !== null;

/** The value of `Authorization` in such a payload. Throws Fault when it is no text, or in another place. */
export function renewalIn(payload: Payload | null | undefined): string | null {
  refuseMisplacedToken(payload, 'payload');
  return authorizationIn(payload);
}
