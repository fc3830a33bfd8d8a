/**
 * The package's way in for code: a gateway with resolvers, types for them, and what a test needs.
 * The command `tailrace` does the same from the environment.
 */
import { defaultOf } from './config/variables.js';
import { connectRedis, parseRedisUrl } from './log/redis-connection.js';
import { type RedisTls, redisTls } from './log/redis-tls.js';
import { silent } from './observe/logger.js';
import { noGatewayMetrics } from './observe/metrics.js';
import { compileSchema } from './schema/compile.js';
import { parseDuration } from './schema/duration.js';
import type { StreamSchema } from './schema/stream-schema.js';
import { createGateway as createReplica, type Gateway, type GatewayParts } from './serve/gateway.js';
import { type Authenticate, byTokens, inTime } from './serve/identity/authenticate.js';
import type { KeyWatchers } from './serve/identity/published-keys.js';
import { overRedis } from './serve/over-redis.js';
import type { Tls } from './serve/port/tls-pair.js';
import type { GatewaySettings } from './serve/settings/gateway-settings.js';

export { Fault, type FaultCode } from './event/faults.js';
export type { Context, FieldResolver, PubSub, Resolver, Resolvers } from './graphql/executable.js';
export { manifestOf, type Operations } from './graphql/operation/persisted.js';
export { nobody, type Viewer } from './graphql/viewer.js';
export type { RedisTls } from './log/redis-tls.js';
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
export type Auth = (
  | Signer
  | { readonly issuers: readonly (Signer & { readonly issuer: string })[] }
  | { readonly authenticate: Authenticate }
) & {
  /** The cookie in which a browser may bring its token. Default `tailrace_token`. */
  readonly cookie?: string;
  /** Claims, by name or dotted path, that say a viewer's scopes. Default `scope`, `scopes`, `scp`. */
  readonly scopeClaims?: readonly string[];
};

/**
 * What a gateway from code can be given. The settings of the command have the same words here, the same defaults and the
 * same meaning: docs/configuration.md has them all, with their names in code. What is a duration there is milliseconds here.
 */
export interface GatewayOptions
  extends Omit<Partial<GatewaySettings>, 'authCookie'>,
    Pick<GatewayParts, 'resolvers' | 'operations' | 'graphiql' | 'limits' | 'version'>,
    Partial<Pick<GatewayParts, 'metrics' | 'logger' | 'audit'>> {
  /** The text of the schema: the same that the relay reads. */
  readonly schema: string;
  readonly auth: Auth;
  /** Signs cursors; the first signs, all verify. The same on every replica. */
  readonly cursorSecrets: readonly string[];
  /** With a certificate and its key the port speaks TLS, and HTTP/2 as well. Default null: plain HTTP/1.1. */
  readonly tls?: Pick<Tls, 'cert' | 'key'> | null;
  readonly redis?: {
    /** `redis://`, `rediss://`, `redis+sentinel://`. Default `redis://127.0.0.1:6379`. */
    readonly url?: string;
    /** For `rediss://`, beside the authorities that Node knows. */
    readonly tls?: RedisTls;
    /** What every key and channel begins with. Default `tailrace`. */
    readonly prefix?: string;
  };
  readonly log?: {
    /** The same as the relay's. Default 1. */
    readonly shards?: number;
  };
  /** For fields without `@history`: a duration like `10m`, and a count. Default 10m and 1000, as the relay's. */
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
  const { auth, limits, logger = silent, metrics = noGatewayMetrics } = options;
  const streams = streamsOf(options);
  const { url = defaultOf('redisUrl'), tls = {}, prefix = defaultOf('redisPrefix') } = options.redis ?? {};
  const { shards = defaultOf('logShards') } = options.log ?? {};
  parseRedisUrl(url);
  const { mutationsPerMinute = defaultOf('mutationsPerMinute') } = limits ?? {};
  const connect = (name: string, extra = {}) => connectRedis(url, name, logger, { ...redisTls(url, tls), ...extra });
  const shared = overRedis({ connect, prefix, shards, mutationsPerMinute, logger });
  const identity = identityOf(auth, options.tokenLeeway, { logger, metrics });
  const replica = createReplica({
    ...options,
    ...shared.parts,
    ...identity,
    ...(auth.cookie === undefined ? {} : { authCookie: auth.cookie }),
    streams,
    metrics,
    logger,
  });
  let retired: Promise<void> | null = null;
  return { ...replica, retire: () => (retired ??= replica.retire().then(shared.close)) };
}

function streamsOf({ schema, auth, history = {} }: GatewayOptions): StreamSchema {
  const retain = history.retain === undefined ? defaultOf('historyRetain') : parseDuration(history.retain);
  if (retain === null)
    throw new RangeError(`history.retain is ${JSON.stringify(history.retain)}, not a duration like 10m`);
  const { schema: streams, problems } = compileSchema(schema, {
    retention: { retain, max: history.max ?? defaultOf('historyMax') },
    scopeClaims: auth.scopeClaims ?? defaultOf('authScopeClaims'),
  });
  if (streams) return streams;
  const faults = problems.filter(({ severity }) => severity === 'fault');
  throw new SchemaRefused(faults.map(({ file, line, column, message }) => `${file}:${line}:${column} ${message}`));
}

function identityOf(
  auth: Auth,
  leeway = defaultOf('tokenLeeway'),
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
