/**
 * The package's way in for code: a gateway with resolvers, types for them, and what a test needs.
 * The command `tailrace` does the same from the environment.
 */
import { connectRedis, parseRedisUrl } from './log/redis-connection.js';
import { silent } from './observe/logger.js';
import { noGatewayMetrics } from './observe/metrics.js';
import { compileSchema } from './schema/compile.js';
import { parseDuration } from './schema/duration.js';
import { createGateway as createReplica, type Gateway, type GatewayParts } from './serve/gateway.js';
import { type Authenticate, byTokens, inTime } from './serve/identity/authenticate.js';
import { defaultLeeway } from './serve/identity/issued.js';
import type { KeyWatchers } from './serve/identity/published-keys.js';
import { defaultLimits } from './serve/limits/limits.js';
import { overRedis } from './serve/over-redis.js';

export { Fault, type FaultCode } from './event/faults.js';
export type { Context, FieldResolver, PubSub, Resolver, Resolvers } from './graphql/executable.js';
export { manifestOf, type Operations } from './graphql/operation/persisted.js';
export { nobody, type Viewer } from './graphql/viewer.js';
export type { Asked, AskedField, Audit, AuditEntry, Peer } from './observe/audit.js';
export { auditLines } from './observe/audit-lines.js';
export type { Logger } from './observe/logger.js';
export type { GatewayMetrics } from './observe/metrics.js';
export type { Claims } from './schema/stream-schema.js';
export type { Gateway } from './serve/gateway.js';
export type { Authenticate, AuthRequest } from './serve/identity/authenticate.js';
export type { Revocation } from './serve/identity/revocation.js';
export type { GatewayLimits } from './serve/limits/limits.js';
export type { Pem, Tls } from './serve/port/tls-pair.js';

/** One who signs tokens: with secrets shared with the gateway, or with keys published at an address. */
export type Signer = (
  | { readonly secrets: readonly string[] }
  | {
      /** Of a key set (JWKS), or of an OpenID configuration. */
      readonly jwksUrl: string;
      /** An authority (PEM) by which that address is known, beside all others. */
      readonly jwksCa?: string;
    }
) & {
  readonly issuer?: string;
  readonly audience?: string;
};

/**
 * How requests become viewers: by tokens of one signer or of several issuers side by side, or by a function of your own,
 * called for every request and every renewal. What the function lets in by a cookie is for it to protect from other
 * pages, and what it throws but a Fault is an internal error. After ten seconds without an answer the request is UNAVAILABLE.
 */
export type Auth =
  | Signer
  | { readonly issuers: readonly (Signer & { readonly issuer: string })[] }
  | { readonly authenticate: Authenticate };

export interface GatewayOptions
  extends Pick<
      GatewayParts,
      | 'resolvers'
      | 'origins'
      | 'cookie'
      | 'introspection'
      | 'operations'
      | 'graphiql'
      | 'heartbeat'
      | 'keepAlive'
      | 'retirePeriod'
      | 'tokenLife'
      | 'tokenLeeway'
      | 'limits'
      | 'tls'
      | 'version'
    >,
    Partial<Pick<GatewayParts, 'metrics' | 'logger' | 'audit'>> {
  /** The text of the schema: the same that the relay reads. */
  readonly schema: string;
  readonly auth: Auth;
  /** Signs cursors; the first signs, all verify. The same on every replica. */
  readonly cursorSecrets: readonly string[];
  readonly redis: {
    /** `redis://`, `rediss://`, `redis+sentinel://`. */
    readonly url: string;
    /** Default `tailrace`. */
    readonly prefix?: string;
    /** The same as the relay's. Default 1. */
    readonly shards?: number;
  };
  /** Claims, by name or dotted path, that say a viewer's scopes. Default `scope`, `scopes`, `scp`. */
  readonly scopeClaims?: readonly string[];
  /** For fields without `@history`: a duration and a count. Default 10m and 1000, as the relay's. */
  readonly history?: { readonly retain?: string; readonly max?: number };
}

/** The schema cannot be served: every fault with its place. */
export class SchemaRefused extends Error {
  override name = 'SchemaRefused';
  constructor(readonly faults: readonly string[]) {
    super(faults.join('\n'));
  }
}

/**
 * A gateway replica from code. It connects in the background; `listen` serves, `retire` ends it.
 * Throws SchemaRefused, or RangeError for a Redis address or duration that is none, or a certificate without its key.
 */
export function createGateway(options: GatewayOptions): Gateway {
  const { schema, auth, redis, history = {}, logger = silent, metrics = noGatewayMetrics } = options;
  const retain = parseDuration(history.retain ?? '10m');
  if (retain === null)
    throw new RangeError(`history.retain is ${JSON.stringify(history.retain)}, not a duration like 10m`);
  const { schema: streams, problems } = compileSchema(schema, {
    retention: { retain, max: history.max ?? 1_000 },
    ...(options.scopeClaims ? { scopeClaims: options.scopeClaims } : {}),
  });
  if (!streams) {
    const faults = problems.filter(({ severity }) => severity === 'fault');
    throw new SchemaRefused(faults.map(({ file, line, column, message }) => `${file}:${line}:${column} ${message}`));
  }
  const { url, prefix = 'tailrace', shards = 1 } = redis;
  parseRedisUrl(url);
  const { mutationsPerMinute = defaultLimits.mutationsPerMinute } = options.limits ?? {};
  const connect = (name: string, extra = {}) => connectRedis(url, name, logger, extra);
  const shared = overRedis({ connect, prefix, shards, mutationsPerMinute, logger });
  const identity = identityOf(auth, options.tokenLeeway, { logger, metrics });
  const replica = createReplica({ ...options, ...shared.parts, ...identity, streams, metrics, logger });
  let retired: Promise<void> | null = null;
  return { ...replica, retire: () => (retired ??= replica.retire().then(shared.close)) };
}

function identityOf(
  auth: Auth,
  leeway = defaultLeeway,
  watchers: KeyWatchers = {},
): Pick<GatewayParts, 'authenticate' | 'keys'> {
  if ('authenticate' in auth) return { authenticate: inTime(auth.authenticate) };
  const signers: readonly Signer[] = 'issuers' in auth ? auth.issuers : [auth];
  const unset = { secrets: [], jwksUrl: null, issuer: null, audience: null, leeway };
  return byTokens(
    signers.map((signer) => ({ ...unset, ...signer })),
    watchers,
  );
}
