import { parseArgs } from 'node:util';
import { CompactSign } from 'jose';
import { z } from 'zod';
import { readJson } from '../event/read-json.js';
import { writeJson } from '../event/write-json.js';
import { parseDuration } from '../schema/duration.js';
import { configOf, type Run } from './process/command.js';
import { Refusal } from './process/refusal.js';

export interface Signer {
  readonly secret: string;
  readonly issuer: string | null;
  readonly audience: string | null;
}

/** A development token (HS256). `iat` and `exp` (`expires` milliseconds from now) are set unless the claims have them. */
export async function signToken(
  { secret, issuer, audience }: Signer,
  claims: Readonly<Record<string, unknown>>,
  expires: number,
  now: () => number = Date.now,
): Promise<string> {
  const seconds = Math.floor(now() / 1000);
  const times = { iat: seconds, exp: seconds + Math.ceil(expires / 1000) };
  const named = { ...(issuer === null ? {} : { iss: issuer }), ...(audience === null ? {} : { aud: audience }) };
  const given = Object.entries(claims).filter(([, value]) => value !== undefined);
  const payload = new TextEncoder().encode(writeJson({ ...times, ...named, ...Object.fromEntries(given) }));
  const jwt = new CompactSign(payload).setProtectedHeader({ alg: 'HS256', typ: 'JWT' });
  return jwt.sign(new TextEncoder().encode(secret));
}

const claimsText = z.string().transform((text, context): unknown => {
  try {
    return readJson(text);
  } catch {
    context.addIssue('no JSON');
    return z.NEVER;
  }
});
const claimsOption = claimsText.pipe(z.record(z.string(), z.unknown()));

/** `tailrace token --sub ada --claims '{"roles":["auditor"]}' --expires 1h`: prints a token and nothing else. */
export const token: Run = async (args, env, { out }) => {
  const options = { sub: { type: 'string' }, claims: { type: 'string' }, expires: { type: 'string' } } as const;
  const { values } = parseArgs({ args: [...args], options });
  const config = configOf(env, 'token');

  const faults: string[] = [];
  const claims = claimsOption.safeParse(values.claims ?? '{}');
  if (!claims.success) faults.push(`--claims must be a JSON object, not ${JSON.stringify(values.claims)}.`);
  const expires = parseDuration(values.expires ?? '1h');
  if (expires === null)
    faults.push(`--expires must be a duration like 30s, 10m or 1h, not ${JSON.stringify(values.expires)}.`);
  const [secret] = config.authJwtSecret;
  if (secret === undefined) faults.push('TAILRACE_AUTH_JWT_SECRET is not set: there is nothing to sign with.');
  if (!claims.success || expires === null || secret === undefined) throw new Refusal(...faults);

  const all = values.sub === undefined ? claims.data : { ...claims.data, sub: values.sub };
  if (all.sub === undefined) throw new Refusal('--sub is missing: whose token is it?');
  out(await signToken({ secret, issuer: config.authIssuer, audience: config.authAudience }, all, expires));
  return 0;
};
