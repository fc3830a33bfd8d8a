import {
  broker,
  claim,
  duration,
  issuers,
  type Kind,
  list,
  matching,
  oneOf,
  origin,
  text,
  toggle,
  url,
  whole,
} from './kinds.js';

/** Who reads the environment. `sample` is the producer behind `npm run sample`. */
export type Command = 'dev' | 'gateway' | 'relay' | 'send' | 'check' | 'explain' | 'token' | 'revoke' | 'sample';

/**
 * One variable of the environment. `default` is written as an operator would write it; null means that nothing takes
 * its place. A secret may also come from a file, by its name with `_FILE`, and is never printed.
 */
export interface Variable<T = unknown, D extends string | null = string | null, C extends Command = Command> {
  readonly kind: Kind<T>;
  readonly default: D | ((command: Command) => D);
  readonly commands: readonly C[];
  readonly secret: boolean;
  readonly about: string;
}

const declaredFor =
  <const C extends Command>(...commands: readonly C[]) =>
  <T, const D extends string | null>(
    kind: Kind<T>,
    byDefault: D | ((command: Command) => D),
    about: string,
    secret = false,
  ): Variable<T, D, C | 'check'> => ({ kind, default: byDefault, commands: [...commands, 'check'], secret, about });

const secret = true;
const everywhere = declaredFor('dev', 'gateway', 'relay', 'send', 'explain');
const running = declaredFor('dev', 'gateway', 'relay');
const reached = declaredFor('dev', 'gateway', 'relay', 'send');
const serving = declaredFor('dev', 'gateway');
const judging = declaredFor('dev', 'gateway', 'explain');
const signing = declaredFor('dev', 'gateway', 'token');
const stored = declaredFor('gateway', 'relay');
const inRedis = declaredFor('gateway', 'relay', 'revoke');
const admitting = declaredFor('dev', 'gateway', 'revoke');
const relaying = declaredFor('relay');
const consuming = declaredFor('dev', 'relay');
const kafka = declaredFor('dev', 'relay', 'send', 'sample');

/**
 * Every variable Tailrace reads, once: names (`kafkaGroupId` is TAILRACE_KAFKA_GROUP_ID), types, defaults, the
 * commands that read it, and the table in docs/configuration.md all come from here.
 */
export const variables = {
  schema: everywhere(text, './schema.graphql', 'The schema file.'),
  resolvers: serving(
    text,
    null,
    'An ES module that exports `resolvers`. Without it, `resolvers.mjs` beside the schema file, when there is one.',
  ),
  logLevel: running(
    oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    (command) => (command === 'dev' ? 'warn' : 'info'),
    'The least important log lines to write.',
  ),

  audit: running(
    toggle,
    (command) => (command === 'dev' ? 'off' : 'on'),
    'Whether the log has a line for each operation, refusal, renewal, revocation and admin call, whatever its level.',
  ),
  auditArguments: serving(
    oneOf('on', 'names', 'off'),
    'names',
    'What those lines tell of an operation’s arguments: their values, their names, or nothing.',
  ),

  host: serving(text, (command) => (command === 'dev' ? '127.0.0.1' : '0.0.0.0'), 'The address clients are served on.'),
  port: serving(whole(0, 65_535), '4000', 'The port clients are served on; 0 takes any free one.'),
  tlsCert: serving(
    text,
    null,
    'The certificate to serve with, followed by those that signed it (PEM): then clients are served by HTTP/2 and HTTP/1.1 over TLS.',
    secret,
  ),
  tlsKey: serving(
    text,
    null,
    'The key of that certificate (PEM). What comes from files is read again every five seconds.',
    secret,
  ),
  adminHost: reached(text, '127.0.0.1', 'The address of metrics and health. Any but loopback needs an admin token.'),
  adminPort: reached(whole(0, 65_535), '4001', 'The port of metrics and health; 0 takes any free one.'),
  adminToken: reached(text, null, 'What the admin port asks for as `Authorization: Bearer …`.', secret),
  origins: serving(
    list('origins like https://app.example.com or capacitor://localhost, separated by commas', origin),
    '',
    'Origins whose pages may connect, beside the gateway’s own.',
  ),
  introspection: serving(
    toggle,
    (command) => (command === 'dev' ? 'on' : 'off'),
    'Whether clients may ask for the schema.',
  ),
  operations: serving(
    oneOf('allow', 'persisted-only'),
    'allow',
    'Whether clients may send the text of an operation, or only the id of a persisted one.',
  ),
  operationsFile: serving(
    text,
    null,
    'The persisted operations: Apollo’s manifest, or a JSON object of documents by their ids.',
  ),
  graphiql: serving(
    toggle,
    (command) => (command === 'dev' ? 'on' : 'off'),
    'Whether browsers get GraphiQL at /graphql.',
  ),

  authJwtSecret: signing(
    list('secrets separated by commas'),
    '',
    'Secrets of the tokens (HS256): the first signs, all verify.',
    secret,
  ),
  authJwksUrl: serving(url, null, 'Where the public keys of the tokens are (JWKS), instead of a secret.'),
  authJwksCa: serving(
    text,
    null,
    'The authority that signed the certificate of an `https` address of keys (PEM), where nobody else knows it.',
    secret,
  ),
  authIssuer: signing(text, null, 'The `iss` that every token must have.'),
  authAudience: signing(text, null, 'The `aud` that every token must have.'),
  authIssuers: serving(
    issuers,
    '[]',
    'More issuers beside those four: a JSON list of `{"issuer": …, "audience": …}`, each with `"jwksUrl"` or `"secrets"`.',
    secret,
  ),
  authCookie: serving(
    matching('the name of a cookie', /^[\w!#$%&'*+.^`|~-]+$/),
    'tailrace_token',
    'The cookie in which a browser may bring its token.',
  ),
  authScopeClaims: judging(
    list('claims by name or dotted path, separated by commas', claim),
    'scope,scopes,scp',
    'The claims that say a viewer’s scopes, as words or as a list; all of them count.',
  ),
  tokenLife: admitting(
    duration(1_000, 365 * 24 * 3_600_000),
    '720h',
    'How long a token lives at most. Revocations are kept so long; a token that lives longer is good again afterwards.',
  ),
  tokenLeeway: admitting(
    duration(0, 600_000),
    '5s',
    'By how much the clocks of who signs tokens may differ: before `nbf`, after `exp`, for an `iat` that lies ahead, and for one just after a revocation. The same on all gateways.',
  ),
  cursorSecret: serving(
    list('secrets separated by commas'),
    '',
    'Secrets of the cursors: the first signs, all verify. All gateways need the same; `dev` makes its own.',
    secret,
  ),

  kafkaBrokers: kafka(
    list('addresses like kafka-1:9092, separated by commas', broker),
    (command) => (command === 'dev' || command === 'send' ? '' : '127.0.0.1:9092'),
    'The brokers to begin with. Unset, `dev` has no Kafka, and `send` sends to `dev`.',
  ),
  kafkaGroupId: consuming(
    text,
    'tailrace',
    'The consumer group that all relays of one log share; what the name of each `dev`’s own group begins with.',
  ),
  kafkaLinger: consuming(
    duration(0, 1_000),
    '20ms',
    'How far fetches are apart where 10,000 records/s and more come, and at lower rates as much less: records gather, and cost less each. Few are not waited for. `0ms` fetches as they come.',
  ),
  kafkaSsl: kafka(toggle, 'off', 'TLS to the brokers.'),
  kafkaSslCa: kafka(text, null, 'The authority that signed the brokers’ certificates (PEM).', secret),
  kafkaSslCert: kafka(text, null, 'The certificate to show to the brokers (PEM).', secret),
  kafkaSslKey: kafka(text, null, 'The key of that certificate (PEM).', secret),
  kafkaSslPassphrase: kafka(text, null, 'The passphrase of that key.', secret),
  kafkaSaslMechanism: kafka(
    oneOf('plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'),
    null,
    'How to sign in to the brokers; needs a username and a password.',
  ),
  kafkaSaslUsername: kafka(text, null, 'The username at the brokers; for `oauthbearer` the client id.'),
  kafkaSaslPassword: kafka(text, null, 'The password at the brokers; for `oauthbearer` the client secret.', secret),
  kafkaSaslTokenUrl: kafka(url, null, 'Where `oauthbearer` gets its tokens (client credentials grant).'),
  kafkaSaslScope: kafka(text, null, 'The scope to ask for with them.'),
  dlq: relaying(
    oneOf('wait', 'skip'),
    'wait',
    'While the dead-letter topic cannot be written: wait with the partition, or skip the record.',
  ),
  dlqTopic: relaying(text, null, 'The dead-letter topic. Without it, `<group id>.dlq`.'),
  refillMax: relaying(
    duration(),
    '60s',
    'How much of a partition, by its records’ age, is written again after the log lost data. The rest is a told gap.',
  ),

  redisUrl: inRedis(
    matching(
      'redis://, rediss://, redis+sentinel:// or rediss+sentinel:// with a host',
      /^rediss?(\+sentinel:\/\/[^\s/]+\/[^\s/]+(\/\d+)?|:\/\/[^\s/]+(\/\d*)?)$/,
    ),
    'redis://127.0.0.1:6379',
    'The Redis of the log; with Sentinel `redis+sentinel://user:pass@h1:26379,h2:26379/mymaster/0`.',
    secret,
  ),
  redisTlsCa: inRedis(text, null, 'The authority that signed the certificate of a `rediss://` server (PEM).', secret),
  redisTlsCert: inRedis(text, null, 'The certificate to show to that server (PEM).', secret),
  redisTlsKey: inRedis(text, null, 'The key of that certificate (PEM).', secret),
  redisPrefix: inRedis(
    matching('1 to 64 letters, digits and . _ : -', /^[\w.:-]{1,64}$/),
    'tailrace',
    'What every key and channel in Redis begins with.',
  ),
  logShards: stored(whole(1, 64), '1', 'Shards of the log. Relays and gateways need the same number.'),
  historyRetain: everywhere(
    duration(100, 365 * 24 * 3_600_000),
    '10m',
    'How long an event can be resumed, where the field has no `@history`.',
  ),
  historyMax: everywhere(
    whole(1, 1_000_000),
    '1000',
    'How many events a channel keeps, where the field has no `@history`.',
  ),

  compression: serving(
    toggle,
    'off',
    'Compress what WebSockets get (permessage-deflate), once for all who get the same; it saves bytes and costs CPU.',
  ),
  heartbeat: serving(duration(10), '12s', 'How often an idle stream gets a sign of life and a fresh cursor.'),
  keepAlive: running(
    duration(10),
    '75s',
    'How long a connection is kept on which nothing is asked, on the admin port too: longer than the proxies in front keep theirs.',
  ),
  initTimeout: serving(duration(10), '3s', 'How long a WebSocket may take to send `connection_init`.'),
  requestTimeout: serving(
    duration(100),
    '10s',
    'How long a request, or the upgrade to a WebSocket, may take to come in, with its headers and its body.',
  ),
  retirePeriod: serving(
    duration(),
    (command) => (command === 'dev' ? '0s' : '10s'),
    'Over how long a stopping gateway closes its sockets, each at a moment of its own, and tells whoever comes anew to come back later.',
  ),
  connections: serving(whole(1, 1_000_000), '20000', 'Connections a replica serves at most.'),
  connectionsPerAddress: serving(
    whole(1, 1_000_000),
    '2000',
    'Connections of one address (of IPv6: one /64) to a replica. Behind a balancer set TAILRACE_TRUSTED_HOPS too.',
  ),
  trustedHops: serving(
    whole(0, 16),
    '0',
    'Proxies in front whose X-Forwarded-For is believed; 0 believes none, and the address is the proxy’s.',
  ),
  connectionsPerUser: serving(whole(1, 1_000_000), '100', 'Connections of one user (`iss` and `sub`) to a replica.'),
  subscriptionsPerUser: serving(whole(1, 1_000_000), '1000', 'Subscriptions of one user on a replica.'),
  connectRate: serving(
    whole(1, 1_000_000),
    '1000',
    'New connections a second that a replica takes; the others are told when to come back.',
  ),
  halfOpen: serving(
    whole(1, 1_000_000),
    '5000',
    'Connections of a replica on which no whole request has come yet, and as many that were answered and ask nothing more; with one more, the one that has waited longest is closed.',
  ),
  mutationsPerMinute: serving(
    whole(1, 1_000_000_000),
    '300',
    'Root fields of mutations, tickets, and renewals of event streams, of one user on all replicas together; without a token, of one address.',
  ),
  subscriptionsPerSocket: serving(whole(1, 100_000), '100', 'Operations one WebSocket may have open.'),
  channelsPerSubscription: serving(whole(1, 100_000), '256', 'Channels one subscription may listen to.'),
  operationTokens: serving(whole(1, 1_000_000), '5000', 'Words of GraphQL in one document.'),
  operationDepth: serving(whole(1, 1_000), '12', 'Fields inside of fields in one operation.'),
  operationAliases: serving(whole(0, 100_000), '30', 'Aliases in one document.'),
  operationDirectives: serving(whole(0, 100_000), '30', 'Directives in one document.'),
  operationCost: serving(
    whole(1, 1_000_000_000),
    '10000',
    'Fields that one operation may give, reckoned with ten elements in every list.',
  ),
  jsonDepth: serving(whole(1, 1_000), '20', 'Lists and objects inside of each other in variables and extensions.'),
  replay: serving(
    whole(1, 1_000_000_000),
    '100000',
    'Entries that a resumed subscription may read; then it ends, and may go on from its newest cursor.',
  ),
  rewind: serving(whole(1, 100_000), '1000', 'Events that `@resume(rewind)` may ask for.'),
  messageBytes: serving(whole(1024, 16_777_216), '65536', 'Bytes of one message or request of a client.'),
  headerBytes: serving(
    whole(4_096, 65_536),
    '16384',
    'Bytes of the path, query and headers of one request: most of them are its token’s.',
  ),
  messageRate: serving(
    whole(1, 1_000_000),
    '100',
    'Messages a second of one WebSocket, a long one counted for each 16 KiB of it. What comes faster is read later. Whoever comes back may send all their operations at once.',
  ),
  processBuffer: serving(
    whole(1_048_576, 1_099_511_627_776),
    '268435456',
    'Bytes that may wait in all sockets together, to be sent or to be heard; beyond, the worst are closed, to come back and resume.',
  ),
  socketBuffer: serving(
    whole(1024, 1_073_741_824),
    '262144',
    'Bytes that may wait in one socket before its subscriptions are parked and catch up from the log.',
  ),
  tailBytes: serving(
    whole(0, 1_099_511_627_776),
    '33554432',
    'Bytes of what a replica heard lately that it keeps for those who come back to it; the oldest go first, 0 keeps none.',
  ),
} as const;

type Variables = typeof variables;
export type Key = keyof Variables;
type Value<V> = V extends Variable<infer T, infer D, Command> ? (null extends D ? T | null : T) : never;
type CommandsOf<V> = V extends Variable<unknown, string | null, infer C> ? C : never;

/** What a command gets: every variable it reads, parsed. Durations are milliseconds; null and `[]` mean unset. */
export type Config<C extends Command> = {
  readonly [K in Key as [C] extends [CommandsOf<Variables[K]>] ? K : never]: Value<Variables[K]>;
};

/** Values that could be parsed, whatever the command: what a rule over several variables looks at. */
export type Given = { readonly [K in Key]?: Value<Variables[K]> };

/** `subscriptionsPerSocket` is read from TAILRACE_SUBSCRIPTIONS_PER_SOCKET. */
export const variableName = (key: Key): string =>
  `TAILRACE_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

/** The file that a secret is read from; null when it stands in the environment itself. */
export const fileOf = (env: Environment, key: Key): string | null => env[`${variableName(key)}_FILE`] || null;

/** What takes the place of an unset variable, as text. */
export const defaultText = (variable: Variable, command: Command): string | null =>
  typeof variable.default === 'function' ? variable.default(command) : variable.default;

export type Environment = Readonly<Record<string, string | undefined>>;
