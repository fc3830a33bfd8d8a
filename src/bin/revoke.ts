import { parseArgs } from 'node:util';
import { Fault } from '../event/faults.js';
import { connectRedis } from '../log/redis-connection.js';
import { silent } from '../observe/logger.js';
import { redisRevocations } from '../serve/identity/revocation-store.js';
import { checked } from '../serve/identity/revocations.js';
import { tellReplicas } from '../serve/replicas/replicas.js';
import { configOf, type Run } from './process/command.js';
import { Refusal } from './process/refusal.js';
import { redisSettings } from './settings/redis.js';

/** Milliseconds that Redis may take. */
const patience = 5_000;

/**
 * `tailrace revoke --sub ada`, `--jti …`, `--claim org.id=7`: tokens that have all of the claims named and were issued
 * until now count no more, on every gateway of this Redis and prefix.
 */
export const revoke: Run = async (args, env, { out }) => {
  const options = {
    sub: { type: 'string' },
    jti: { type: 'string' },
    claim: { type: 'string', multiple: true },
  } as const;
  const { values } = parseArgs({ args: [...args], options });
  const config = configOf(env, 'revoke');
  const claims = claimsOf(values);

  const waiting = { enableOfflineQueue: true, maxRetriesPerRequest: null, commandTimeout: patience };
  const redis = connectRedis(config.redisUrl, 'revoke', silent, { ...redisSettings(config), ...waiting });
  let failure = '';
  redis.on('error', ({ message }) => {
    failure = message;
  });
  try {
    const { tokenLife, tokenLeeway } = config;
    const { at } = await redisRevocations(redis, config.redisPrefix).add(claims, tokenLife + tokenLeeway);
    await tellReplicas(redis, config.redisPrefix, { kind: 'revoked' });
    const words = Object.entries(claims).map(([name, value]) => `${name}=${value}`);
    const until = new Date(at * 1_000 + tokenLeeway).toISOString();
    out(`Revoked: tokens with ${words.join(', ')} that were issued until ${until}.`);
    return 0;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new Refusal(
      error.message,
      ...(failure ? [`The Redis of TAILRACE_REDIS_URL cannot be reached: ${failure}`] : []),
    );
  } finally {
    redis.disconnect();
  }
};

interface Named {
  readonly sub?: string | undefined;
  readonly jti?: string | undefined;
  readonly claim?: readonly string[] | undefined;
}

/** The claims that are named. Throws Refusal with every fault of them. */
function claimsOf({ sub, jti, claim = [] }: Named): Readonly<Record<string, string>> {
  const faults: string[] = [];
  const named = claim.map((text) => {
    const at = text.indexOf('=');
    if (at < 1) faults.push(`--claim must be name=value, not ${JSON.stringify(text)}.`);
    return [text.slice(0, at), text.slice(at + 1)] as const;
  });
  if (sub !== undefined) named.push(['sub', sub]);
  if (jti !== undefined) named.push(['jti', jti]);
  const claims = Object.fromEntries(named);
  if (Object.keys(claims).length < named.length) faults.push('A claim is named twice, and cannot have two values.');
  if (named.length === 0) faults.push('Whose tokens? Name --sub, --jti or --claim name=value.');
  // An empty value is a "$USER_ID" that was not set: nobody's tokens would be revoked, and it would look done.
  for (const [option, value] of Object.entries({ sub, jti })) {
    if (value === '') faults.push(`--${option} is empty: whose tokens?`);
  }
  if (faults.length > 0) throw new Refusal(...faults);
  try {
    checked(claims);
  } catch (error) {
    throw new Refusal((error as Error).message);
  }
  return claims;
}
