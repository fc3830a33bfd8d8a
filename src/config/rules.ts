import type { StreamSchema } from '../schema/stream-schema.js';
import { certificateOf, whyNoPair } from '../serve/port/tls-pair.js';
import type { Command } from './variable.js';
import type { Given } from './variables.js';

/** What several variables say together: a sentence when they disagree, else null. Runs on what could be parsed. */
export type Rule = (given: Given, command: Command) => string | null;

/** A host that only this machine reaches. */
export const loopback = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

export const rules: readonly Rule[] = [
  (given, command) =>
    command === 'gateway' && given.cursorSecret?.length === 0
      ? 'TAILRACE_CURSOR_SECRET is not set: without it a client could not continue on another replica.'
      : null,

  // An admin port that any pod can reach tells topics and traffic, and a gateway's lets it revoke.
  ({ adminHost, adminToken }) =>
    adminHost !== undefined && !loopback.test(adminHost) && adminToken === null
      ? `TAILRACE_ADMIN_HOST is ${JSON.stringify(adminHost)}, which others can reach: set TAILRACE_ADMIN_TOKEN too.`
      : null,

  // A secret beside published keys: who verifies a token would depend on the algorithm that its sender chose.
  ({ authJwtSecret, authJwksUrl }) =>
    authJwtSecret?.length && authJwksUrl
      ? 'TAILRACE_AUTH_JWT_SECRET and TAILRACE_AUTH_JWKS_URL are both set: keep one.'
      : null,

  // A key without a name beside named ones: a token of any issuer would be good for it, also one that names another.
  ({ authJwtSecret, authJwksUrl, authIssuer, authIssuers }) =>
    authIssuers?.length && (authJwtSecret?.length || authJwksUrl) && !authIssuer
      ? 'TAILRACE_AUTH_ISSUERS stands beside a key without a name: set TAILRACE_AUTH_ISSUER too.'
      : null,

  ({ authIssuer, authIssuers }) =>
    authIssuers?.some(({ issuer }) => issuer === authIssuer)
      ? 'TAILRACE_AUTH_ISSUERS and TAILRACE_AUTH_ISSUER name the same issuer: keep one.'
      : null,

  (given) => {
    const parts = [given.kafkaSaslMechanism, given.kafkaSaslUsername, given.kafkaSaslPassword];
    const set = parts.filter(Boolean).length;
    return set > 0 && set < 3
      ? 'TAILRACE_KAFKA_SASL_MECHANISM, TAILRACE_KAFKA_SASL_USERNAME and TAILRACE_KAFKA_SASL_PASSWORD go together: set all three or none.'
      : null;
  },

  ({ kafkaSaslMechanism, kafkaSaslTokenUrl }) =>
    kafkaSaslMechanism !== undefined &&
    kafkaSaslTokenUrl !== undefined &&
    (kafkaSaslMechanism === 'oauthbearer') !== (kafkaSaslTokenUrl !== null)
      ? 'TAILRACE_KAFKA_SASL_TOKEN_URL goes with TAILRACE_KAFKA_SASL_MECHANISM=oauthbearer: set both or neither.'
      : null,

  ({ kafkaSslCert, kafkaSslKey, kafkaSslPassphrase }) =>
    noPair('TAILRACE_KAFKA_SSL', kafkaSslCert, kafkaSslKey, kafkaSslPassphrase),
  ({ kafkaSslCa, kafkaSsl }) => (kafkaSsl ? noAuthority('TAILRACE_KAFKA_SSL', kafkaSslCa) : null),

  // A certificate that is set and never used means a password on its way in the clear.
  (given) =>
    given.kafkaSsl === false &&
    (given.kafkaSslCa || given.kafkaSslCert || given.kafkaSslKey || given.kafkaSslPassphrase)
      ? 'TAILRACE_KAFKA_SSL_CA, _CERT, _KEY and _PASSPHRASE are for TLS: set TAILRACE_KAFKA_SSL=on too.'
      : null,

  ({ operations, operationsFile }) =>
    operations === 'persisted-only' && operationsFile === null
      ? 'TAILRACE_OPERATIONS is persisted-only: set TAILRACE_OPERATIONS_FILE too, or nothing can be asked.'
      : null,

  ({ authJwksCa }) => noAuthority('TAILRACE_AUTH_JWKS', authJwksCa),
  ({ authJwksCa, authJwksUrl, authIssuers }) => {
    if (!authJwksCa || authJwksUrl === undefined || authIssuers === undefined) return null;
    const addresses = [authJwksUrl, ...authIssuers.map(({ jwksUrl }) => jwksUrl)];
    return addresses.some((address) => address?.startsWith('https:'))
      ? null
      : 'TAILRACE_AUTH_JWKS_CA is for TLS: an address of keys must begin with https.';
  },

  ({ tlsCert, tlsKey }) => noPair('TAILRACE_TLS', tlsCert, tlsKey),
  ({ redisTlsCert, redisTlsKey }) => noPair('TAILRACE_REDIS_TLS', redisTlsCert, redisTlsKey),
  ({ redisUrl, redisTlsCa }) => (redisUrl?.startsWith('rediss') ? noAuthority('TAILRACE_REDIS_TLS', redisTlsCa) : null),

  ({ redisUrl, redisTlsCa, redisTlsCert, redisTlsKey }) =>
    redisUrl !== undefined && !redisUrl.startsWith('rediss') && (redisTlsCa || redisTlsCert || redisTlsKey)
      ? 'TAILRACE_REDIS_TLS_CA, _CERT and _KEY are for TLS: TAILRACE_REDIS_URL must begin with rediss.'
      : null,
];

type Text = string | null | undefined;

function noPair(group: string, cert: Text, key: Text, passphrase: Text = null): string | null {
  if (cert === undefined || key === undefined) return null;
  const both = `${group}_CERT and ${group}_KEY`;
  if (cert === null || key === null) return cert === key ? null : `${both} go together: set both or none.`;
  const why = whyNoPair({ cert, key }, passphrase);
  return why && `${both} cannot be used: ${why}.`;
}

/** An authority that is no certificate: Node takes it for none, and then knows that of no server. */
const noAuthority = (group: string, ca: Text): string | null =>
  ca && certificateOf(ca) === null
    ? `${group}_CA must be a certificate in PEM; one in a file is named by ${group}_CA_FILE.`
    : null;

/**
 * Without a key no token can be verified, so every field must be `@public`: a sentence that names those that are not,
 * or null when the gateway may start. `dev` makes its own key and needs not ask.
 */
export function needsTokenKey(
  config: {
    readonly authJwtSecret: readonly string[];
    readonly authJwksUrl: string | null;
    readonly authIssuers: readonly unknown[];
  },
  schema: StreamSchema,
): string | null {
  if (config.authJwtSecret.length > 0 || config.authJwksUrl !== null || config.authIssuers.length > 0) return null;
  const root = schema.graphql.getSubscriptionType()?.name ?? 'Subscription';
  // A subscription field without a statement of its own is one whose rule reads claims.
  const unstated = [...schema.fields.keys(), ...schema.ephemeral]
    .map((field) => `${root}.${field}`)
    .filter((place) => !schema.access.has(place) && !schema.access.has(root));
  const closed = [...schema.access].filter(([, access]) => !access.public).map(([place]) => place);
  const names = [...new Set([...unstated, ...closed])];
  return names.length === 0
    ? null
    : `TAILRACE_AUTH_JWT_SECRET or TAILRACE_AUTH_JWKS_URL must be set: without a key nobody can sign in, and ${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} not @public.`;
}
