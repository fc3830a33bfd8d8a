import { createPrivateKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { tlsOf } from '../../src/bin/settings/tls.js';
import { readConfig } from '../../src/config/read.js';
import { needsTokenKey } from '../../src/config/rules.js';
import { variablesTable } from '../../src/config/table.js';
import type { Command } from '../../src/config/variable.js';
import type { Environment } from '../../src/config/variables.js';
import { compileSchema } from '../../src/schema/compile.js';
import type { StreamSchema } from '../../src/schema/stream-schema.js';
import { certificateAuthority } from '../support/servers/certificates.js';

const gateway = { TAILRACE_CURSOR_SECRET: 'c', TAILRACE_AUTH_JWT_SECRET: 'k' };

function ownPair() {
  using authority = certificateAuthority();
  return authority.issue('gateway');
}

function faults(env: Environment, command: Command = 'dev', readFile?: (path: string) => string): readonly string[] {
  const read = readConfig(env, command, readFile);
  return 'faults' in read ? read.faults : [];
}

function config<C extends Command>(env: Environment, command: C, readFile?: (path: string) => string) {
  const read = readConfig(env, command, readFile);
  if ('faults' in read) throw new Error(read.faults.join('\n'));
  return read.config;
}

describe('defaults', () => {
  test('dev listens to this machine only and shows its schema', () => {
    const dev = config({}, 'dev');
    expect(dev).toMatchObject({ host: '127.0.0.1', port: 4000, adminHost: '127.0.0.1', adminPort: 4001 });
    expect(dev).toMatchObject({ introspection: true, graphiql: true, schema: './schema.graphql', cursorSecret: [] });
  });

  test('a gateway listens to all and shows nothing unless told', () => {
    expect(config(gateway, 'gateway')).toMatchObject({
      host: '0.0.0.0',
      introspection: false,
      graphiql: false,
      origins: [],
      authCookie: 'tailrace_token',
      heartbeat: 12_000,
      initTimeout: 3_000,
      keepAlive: 75_000,
      retirePeriod: 10_000,
      connections: 20_000,
      subscriptionsPerSocket: 1_000,
      subscriptionsPerUser: 5_000,
      messageRate: 500,
      channelsPerSubscription: 256,
      messageBytes: 65_536,
      socketBuffer: 262_144,
      historyRetain: 600_000,
      historyMax: 1000,
      resolvers: null,
      tlsCert: null,
      operations: 'allow',
      audit: true,
      auditArguments: 'names',
    });
    expect(config({}, 'dev').audit).toBe(false);
  });

  test('a relay finds Kafka and Redis on this machine', () => {
    expect(config({}, 'relay')).toMatchObject({
      kafkaBrokers: ['127.0.0.1:9092'],
      kafkaGroupId: 'tailrace',
      kafkaSsl: false,
      kafkaSaslMechanism: null,
      redisUrl: 'redis://127.0.0.1:6379',
      redisPrefix: 'tailrace',
      logShards: 1,
      refillMax: 60_000,
      dlq: 'wait',
      dlqTopic: null,
    });
  });

  test('dev and send have no Kafka until one is named', () => {
    for (const command of ['dev', 'send'] as const) {
      expect(config({}, command).kafkaBrokers).toEqual([]);
      const named = { TAILRACE_KAFKA_BROKERS: 'k:1', TAILRACE_KAFKA_SSL: 'on', TAILRACE_KAFKA_SASL_USERNAME: 'u' };
      expect(faults(named, command)).toEqual([expect.stringMatching(/KAFKA_SASL_MECHANISM.*go together/)]);
      const { kafkaBrokers, kafkaSsl } = config({ ...named, TAILRACE_KAFKA_SASL_USERNAME: '' }, command);
      expect({ kafkaBrokers, kafkaSsl }).toEqual({ kafkaBrokers: ['k:1'], kafkaSsl: true });
    }
  });

  test('an empty variable counts as unset', () => {
    expect(config({ TAILRACE_PORT: '', TAILRACE_ADMIN_TOKEN: '' }, 'dev')).toMatchObject({
      port: 4000,
      adminToken: null,
    });
  });
});

describe('values', () => {
  test.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['10m', 600_000],
    ['1h', 3_600_000],
  ])('the duration %s is %i milliseconds', (text, expected) => {
    expect(config({ TAILRACE_HEARTBEAT: text }, 'dev').heartbeat).toBe(expected);
  });

  test('a period may be nothing at all', () => {
    expect(config({ TAILRACE_RETIRE_PERIOD: '0s' }, 'dev').retirePeriod).toBe(0);
  });

  test.each(['30', '0s', '1.5s', '-1s', '10 m', 's', '1d', '700h'])('%s is not a heartbeat', (text) => {
    expect(faults({ TAILRACE_HEARTBEAT: text })).toEqual([
      `TAILRACE_HEARTBEAT must be a duration like 250ms, 30s, 10m or 1h, at least 10ms, not "${text}".`,
    ]);
  });

  test('a list is cut at commas, without spaces and empty places', () => {
    const origins = config({ TAILRACE_ORIGINS: 'https://a.example, http://localhost:3000,' }, 'dev').origins;
    expect(origins).toEqual(['https://a.example', 'http://localhost:3000']);
  });

  test.each([
    ...[
      'https://a.example/',
      'a.example',
      '*',
      'https://a.example/path',
      'null',
      'https://*.a.example/x',
      '//a.example',
    ],
    ...['https://', 'https://a.example?x', 'https://a.example#x', 'https://ada@a.example', 'https://a.example:99999'],
    ...[
      'mailto:ada@a.example',
      'data:text/html,x',
      'file:///',
      'https:/a.example',
      'https://a b.example',
      '\\\\a.example',
    ],
  ])('%s is not an origin', (text) => {
    expect(faults({ TAILRACE_ORIGINS: text })).toHaveLength(1);
  });

  test.each([
    'capacitor://localhost',
    'ionic://localhost',
    'tauri://localhost',
    'http://tauri.localhost',
    'chrome-extension://gjknejkplkfoinmcajlgoaggahnimjdl',
    'moz-extension://1c9a1f2e-6a6e-4d2c-9e0e-9a6f6a0d2f55',
    'http://[::1]:3000',
    'https://App.Example.com',
    'https://a.example:443',
  ])('%s is an origin', (text) => {
    expect(config({ TAILRACE_ORIGINS: `${text},https://b.example` }, 'dev').origins).toEqual([
      text,
      'https://b.example',
    ]);
  });

  test.each([
    ['PORT', '65536'],
    ['PORT', '1e3'],
    ['PORT', ' 80'],
    ['INTROSPECTION', 'true'],
    ['LOG_LEVEL', 'loud'],
    ['AUTH_JWKS_URL', 'file:///keys'],
    ['AUTH_COOKIE', 'a b'],
    ['AUTH_SCOPE_CLAIMS', "scope,['roles"],
    ['AUTH_SCOPE_CLAIMS', 'orgs[x].roles'],
    ['CONNECTIONS', '0'],
    ...['10.0.0.0/33', '10.0.0.0/', '::1/129', 'fe80::1%eth0', 'proxy', '10.0.0/8'].map((network): [string, string] => [
      'PROXY_PROTOCOL_FROM',
      network,
    ]),
    ...['/', '/events/', 'events', '/a b', '/a?b', '/a//b', '/../a', '/.'].map((path): [string, string] => [
      'BASE_PATH',
      path,
    ]),
  ])('TAILRACE_%s is not %j', (name, value) => {
    expect(faults({ [`TAILRACE_${name}`]: value })).toEqual([expect.stringMatching(`^TAILRACE_${name} must be `)]);
  });

  test.each([
    'redis://127.0.0.1:6379',
    'rediss://user:pass@redis.example:6380/2',
    'redis://:p%40ss@[::1]:6379',
    'redis+sentinel://user:pass@h1:26379,h2:26379/mymaster/0',
    'rediss+sentinel://h1:26379/mymaster',
  ])('%s is a Redis', (url) => {
    expect(config({ TAILRACE_REDIS_URL: url }, 'relay').redisUrl).toBe(url);
  });

  test.each(['http://h', 'redis:/h', 'redis+cluster://h', 'redis+sentinel://h1:26379', 'redis://h/db'])(
    '%s is not a Redis',
    (url) => expect(faults({ TAILRACE_REDIS_URL: url }, 'relay')).toHaveLength(1),
  );

  test('brokers have ports', () => {
    const brokers = config({ TAILRACE_KAFKA_BROKERS: 'k1:9092,[::1]:9093' }, 'relay').kafkaBrokers;
    expect(brokers).toEqual(['k1:9092', '[::1]:9093']);
    expect(faults({ TAILRACE_KAFKA_BROKERS: 'k1' }, 'relay')).toHaveLength(1);
  });

  test('the mechanism of SASL may be written as Kafka writes it', () => {
    const env = { MECHANISM: 'SCRAM-SHA-512', USERNAME: 'u', PASSWORD: 'p' };
    const sasl = Object.fromEntries(Object.entries(env).map(([key, value]) => [`TAILRACE_KAFKA_SASL_${key}`, value]));
    expect(config(sasl, 'relay').kafkaSaslMechanism).toBe('scram-sha-512');
  });
});

describe('faults', () => {
  test('all are told at once, each by its name', () => {
    const told = faults(
      {
        TAILRACE_PORT: 'x',
        TAILRACE_HEARTBEAT: 'soon',
        TAILRACE_GRAPHIQL: 'yes',
        TAILRACE_ADMIN_HOST: '0.0.0.0',
        TAILRACE_PROT: '1',
      },
      'gateway',
    );
    expect(told.map((sentence) => sentence.split(' ')[0])).toEqual([
      'TAILRACE_PROT',
      'TAILRACE_PORT',
      'TAILRACE_GRAPHIQL',
      'TAILRACE_HEARTBEAT',
      'TAILRACE_CURSOR_SECRET',
      'TAILRACE_ADMIN_HOST',
    ]);
  });

  test('an unknown name is one, with the name it is near', () => {
    expect(faults({ TAILRACE_KAFKA_BROKER: 'k:1' })).toEqual([
      'TAILRACE_KAFKA_BROKER is not a variable of Tailrace: did you mean TAILRACE_KAFKA_BROKERS?',
    ]);
    expect(faults({ TAILRACE_SOMETHING_ELSE: '1' })).toEqual([
      'TAILRACE_SOMETHING_ELSE is not a variable of Tailrace.',
    ]);
    expect(faults({ TAILRACE_PORT_FILE: '/port' })).toHaveLength(1);
  });

  test('names of our tests and of others are not looked at', () => {
    expect(faults({ TAILRACE_TEST_REDIS_URL: 'redis://x', PORT: 'x' })).toEqual([]);
  });

  test('what another command reads is not looked at; check looks at everything', () => {
    const env = { TAILRACE_REDIS_URL: 'nowhere', TAILRACE_HEARTBEAT: 'soon' };
    expect(faults(env, 'relay')).toEqual([expect.stringMatching('REDIS_URL')]);
    expect(faults(env, 'dev')).toEqual([expect.stringMatching('HEARTBEAT')]);
    expect(faults(env, 'check')).toHaveLength(2);
  });

  test('check asks for no secret that only a running process needs', () => {
    expect(faults({}, 'check')).toEqual([]);
  });
});

describe('secrets', () => {
  const file = (path: string): string => {
    if (path === '/run/secrets/key') return 'first,second\n';
    if (path === '/run/secrets/marked') return '\uFEFFhush\r\n\r\n';
    if (path === '/run/secrets/empty') return '\n';
    if (path === '/run/secrets/blank') return '\uFEFF \n\n';
    throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
  };

  test('can come from a file, without the newline at its end', () => {
    const read = config({ TAILRACE_AUTH_JWT_SECRET_FILE: '/run/secrets/key' }, 'token', file);
    expect(read.authJwtSecret).toEqual(['first', 'second']);
  });

  test('can come from a file of Windows, whose mark and lines are no part of them', () => {
    const read = config({ TAILRACE_ADMIN_TOKEN_FILE: '/run/secrets/marked' }, 'dev', file);
    expect(read.adminToken).toBe('hush');
  });

  test('a file that is missing, empty or beside the variable is a fault', () => {
    expect(faults({ TAILRACE_CURSOR_SECRET_FILE: '/nowhere' }, 'dev', file)).toEqual([
      'TAILRACE_CURSOR_SECRET_FILE names "/nowhere", which cannot be read (ENOENT).',
    ]);
    for (const empty of ['/run/secrets/empty', '/run/secrets/blank']) {
      expect(faults({ TAILRACE_CURSOR_SECRET_FILE: empty }, 'dev', file)).toEqual([
        'TAILRACE_CURSOR_SECRET_FILE names an empty file.',
      ]);
    }
    const both = { TAILRACE_CURSOR_SECRET: 'hush', TAILRACE_CURSOR_SECRET_FILE: '/run/secrets/key' };
    expect(faults(both, 'dev', file)).toEqual([
      'TAILRACE_CURSOR_SECRET and TAILRACE_CURSOR_SECRET_FILE are both set: keep one.',
    ]);
  });

  test('are in no fault', () => {
    const env = { TAILRACE_REDIS_URL: 'mysql://root:hush@db', TAILRACE_KAFKA_SASL_PASSWORD: 'hush' };
    const told = faults(env, 'relay');
    expect(told).toHaveLength(2);
    expect(told.join()).not.toContain('hush');
  });

  test('are no part of an address, where every line about it would show them', () => {
    const url = 'https://relay:hush@id.example/token';
    for (const [command, name] of [
      ['relay', 'TAILRACE_KAFKA_SASL_TOKEN_URL'],
      ['gateway', 'TAILRACE_AUTH_JWKS_URL'],
    ] as const) {
      const told = faults({ [name]: url }, command).join();
      expect(told).toContain(`${name} must be an http or https address without a name or password in it`);
      expect(told).not.toContain('hush');
    }
    const issuers = JSON.stringify([{ issuer: 'a', jwksUrl: url }]);
    expect(faults({ ...gateway, TAILRACE_AUTH_ISSUERS: issuers }, 'gateway')).toHaveLength(1);
  });
});

describe('certificates for Kafka and Redis', () => {
  const groups = [
    ['TAILRACE_KAFKA_SSL', { TAILRACE_KAFKA_SSL: 'on' }],
    ['TAILRACE_REDIS_TLS', { TAILRACE_REDIS_URL: 'rediss://redis' }],
  ] as const;
  const [own, other] = [ownPair(), ownPair()];

  test.each(groups)(
    '%s: an authority that is none is told at the start, for Node would take it for no authority',
    (name, on) => {
      const told = faults({ ...on, [`${name}_CA`]: '/etc/ssl/ca.pem' }, 'relay');
      expect(told).toEqual([`${name}_CA must be a certificate in PEM; one in a file is named by ${name}_CA_FILE.`]);
      expect(faults({ ...on, [`${name}_CA`]: own.cert }, 'relay')).toEqual([]);
    },
  );

  test.each(groups)('%s: a certificate and a key that are no pair are told at the start', (name, on) => {
    const told = (cert: string, key: string) =>
      faults({ ...on, [`${name}_CERT`]: cert, [`${name}_KEY`]: key }, 'relay');
    expect(told(own.cert, own.key)).toEqual([]);
    expect(told(own.cert, other.key)).toEqual([
      `${name}_CERT and ${name}_KEY cannot be used: the key is not that of the certificate.`,
    ]);
    expect(told(own.cert, 'hush').join()).toMatch(/the key is not one in PEM/);
    expect(told(own.cert, 'hush').join()).not.toContain('hush');
  });

  test('a key of Kafka’s that has a passphrase is opened by it, and by no other', () => {
    const key = createPrivateKey(own.key).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'hush',
    });
    const told = (passphrase: string) =>
      faults(
        {
          TAILRACE_KAFKA_SSL: 'on',
          TAILRACE_KAFKA_SSL_CERT: own.cert,
          TAILRACE_KAFKA_SSL_KEY: String(key),
          TAILRACE_KAFKA_SSL_PASSPHRASE: passphrase,
        },
        'relay',
      );
    expect(told('hush')).toEqual([]);
    expect(told('')).toEqual([expect.stringMatching(/passphrase/)]);
    expect(told('another-one')).toEqual([expect.stringMatching(/passphrase/)]);
    expect(told('another-one').join()).not.toContain('another-one');
  });
});

describe('rules over several variables', () => {
  const sasl = 'TAILRACE_KAFKA_SASL_USERNAME';
  test.each<[string, Command, Environment, RegExp | null]>([
    ['a gateway needs a cursor secret', 'gateway', { TAILRACE_AUTH_JWT_SECRET: 'k' }, /^TAILRACE_CURSOR_SECRET/],
    ['dev needs none', 'dev', {}, null],
    ['an admin port others can reach needs a token', 'relay', { TAILRACE_ADMIN_HOST: '::' }, /TAILRACE_ADMIN_TOKEN/],
    ['with the token it may', 'relay', { TAILRACE_ADMIN_HOST: '::', TAILRACE_ADMIN_TOKEN: 't' }, null],
    ['loopback needs no token', 'relay', { TAILRACE_ADMIN_HOST: '127.0.0.2' }, null],
    [
      'a secret and a JWKS are one too many',
      'gateway',
      { ...gateway, TAILRACE_AUTH_JWKS_URL: 'https://id.example/jwks' },
      /keep one/,
    ],
    ['half of SASL is a fault', 'relay', { [sasl]: 'u' }, /all three or none/],
    [
      'a certificate needs its key',
      'relay',
      { TAILRACE_KAFKA_SSL: 'on', TAILRACE_KAFKA_SSL_CERT: 'pem' },
      /both or none/,
    ],
    ['an authority needs TLS', 'relay', { TAILRACE_KAFKA_SSL_CA: 'pem' }, /TAILRACE_KAFKA_SSL=on/],
    [
      'oauthbearer needs to know where tokens are',
      'relay',
      { TAILRACE_KAFKA_SASL_MECHANISM: 'oauthbearer', [sasl]: 'u', TAILRACE_KAFKA_SASL_PASSWORD: 'p' },
      /both or neither/,
    ],
    ['an authority of Redis needs TLS', 'relay', { TAILRACE_REDIS_TLS_CA: 'pem' }, /must begin with rediss/],
    [
      'a certificate for Redis needs its key',
      'relay',
      { TAILRACE_REDIS_URL: 'rediss://redis', TAILRACE_REDIS_TLS_CERT: 'pem' },
      /both or none/,
    ],
  ])('%s', (_, command, env, expected) => {
    const told = faults(env, command);
    if (expected === null) expect(told).toEqual([]);
    else expect(told).toEqual([expect.stringMatching(expected)]);
  });
});

describe('several issuers', () => {
  const list = (...issuers: object[]) => JSON.stringify(issuers);
  const keys = { issuer: 'https://id.example', jwksUrl: 'https://id.example/keys', audience: 'streams' };
  const shared = { issuer: 'jobs', secrets: ['s1', 's2'] };

  test('are a JSON list, each with an address of keys or with secrets, and are enough for a gateway', () => {
    const env = { TAILRACE_CURSOR_SECRET: 'c', TAILRACE_AUTH_ISSUERS: list(keys, shared) };
    expect(config(env, 'gateway').authIssuers).toEqual([
      { ...keys, secrets: [] },
      { ...shared, audience: null, jwksUrl: null },
    ]);
    expect(config(gateway, 'gateway').authIssuers).toEqual([]);
  });

  test.each([
    ['is no JSON', 'x'],
    ['is no list', '{}'],
    ['has one without a key', list({ issuer: 'a' })],
    ['has one with two kinds of keys', list({ ...keys, secrets: ['s'] })],
    ['has one without secrets in its list', list({ issuer: 'a', secrets: [] })],
    ['has one without a name', list({ secrets: ['s'] })],
    ['has two of one name', list(keys, { ...shared, issuer: keys.issuer })],
    ['has a word nobody knows', list({ ...keys, aud: 'x' })],
  ])('are refused when the list %s, and no secret is printed', (_, text) => {
    const told = faults({ ...gateway, TAILRACE_AUTH_ISSUERS: text, TAILRACE_AUTH_ISSUER: 'me' }, 'gateway');
    expect(told).toEqual([expect.stringMatching(/^TAILRACE_AUTH_ISSUERS must be a JSON list of .* twice\.$/)]);
  });

  test('stand beside the single variables only under names of their own', () => {
    const env = { ...gateway, TAILRACE_AUTH_ISSUERS: list(keys) };
    expect(faults(env, 'gateway')).toEqual([expect.stringContaining('set TAILRACE_AUTH_ISSUER too')]);
    expect(faults({ ...env, TAILRACE_AUTH_ISSUER: keys.issuer }, 'gateway')).toEqual([
      expect.stringContaining('the same issuer'),
    ]);
    expect(faults({ ...env, TAILRACE_AUTH_ISSUER: 'me' }, 'gateway')).toEqual([]);
  });
});

test('only persisted operations are no operations at all without a file of them', () => {
  const env = { ...gateway, TAILRACE_OPERATIONS: 'persisted-only' };
  expect(faults(env, 'gateway')).toEqual([expect.stringContaining('TAILRACE_OPERATIONS_FILE')]);
  expect(faults({ ...env, TAILRACE_OPERATIONS_FILE: './manifest.json' }, 'gateway')).toEqual([]);
});

describe('certificate and key of a gateway', () => {
  const { cert, key } = ownPair();
  const env = { ...gateway, TAILRACE_TLS_CERT: cert, TAILRACE_TLS_KEY: key };

  test('go together', () => {
    expect(faults(env, 'gateway')).toEqual([]);
    for (const name of ['TAILRACE_TLS_CERT', 'TAILRACE_TLS_KEY']) {
      expect(faults({ ...env, [name]: '' }, 'gateway')).toEqual([expect.stringContaining('go together')]);
    }
  });

  test('must be a pair; what is wrong is said, and the key is not shown', () => {
    const [fault] = faults({ ...env, TAILRACE_TLS_KEY: ownPair().key }, 'gateway');
    expect(fault).toMatch(/the key is not that of the certificate\.$/);
    expect(faults({ ...env, TAILRACE_TLS_CERT: 'x' }, 'check').join()).toMatch(/not one in PEM/);
  });

  test('from files, are known by their names too', () => {
    const files = { ...gateway, TAILRACE_TLS_CERT_FILE: '/tls.crt', TAILRACE_TLS_KEY_FILE: '/tls.key' };
    const read = (path: string) => (path === '/tls.crt' ? cert : key);
    const configured = config(files, 'gateway', read);
    expect(tlsOf(configured, files)).toEqual({ cert: { file: '/tls.crt' }, key: { file: '/tls.key' } });
    expect(tlsOf(config(env, 'gateway'), env)).toEqual({ cert, key });
    expect(tlsOf(config(gateway, 'gateway'), gateway)).toBeNull();
  });
});

describe('a gateway without a token key', () => {
  const noKey = { authJwtSecret: [], authJwksUrl: null, authIssuers: [] };
  const card = 'type Card { id: ID! owner: ID! number: String }';
  function schema(sdl: string): StreamSchema {
    const { schema: compiled, problems } = compileSchema(sdl, { retention: { retain: 1000, max: 1 } });
    if (compiled === null) throw new Error(problems.map(({ message }) => message).join());
    return compiled;
  }

  test('may start when every field is public', () => {
    const open = schema(`type Subscription { card: Card! @kafka(topic: "t") @public } ${card}`);
    expect(needsTokenKey(noKey, open)).toBeNull();
    const openType = schema(`type Subscription @public { card: Card! @kafka(topic: "t") } ${card}`);
    expect(needsTokenKey(noKey, openType)).toBeNull();
  });

  test('names the fields that are not', () => {
    const mixed = schema(`
      schema { subscription: Live }
      type Live {
        all: Card! @kafka(topic: "t") @public
        mine: Card! @kafka(topic: "t") @where(rule: "event.owner == claims.sub")
      }
      ${card.replace('String', 'String @authenticated')}`);
    expect(needsTokenKey(noKey, mixed)).toMatch(/must be set: .* and Live\.mine, Card\.number are not @public\.$/);
  });

  test('a secret or a JWKS is enough', () => {
    const closed = schema(`type Subscription { card: Card! @kafka(topic: "t") @authenticated } ${card}`);
    expect(needsTokenKey(noKey, closed)).toMatch('Subscription.card is not @public');
    expect(needsTokenKey({ ...noKey, authJwtSecret: ['k'] }, closed)).toBeNull();
    expect(needsTokenKey({ ...noKey, authJwksUrl: 'https://id.example/jwks' }, closed)).toBeNull();
  });
});

test('the table in docs/configuration.md is what the code reads', () => {
  const path = new URL('../../docs/configuration.md', import.meta.url);
  const page = readFileSync(path, 'utf8');
  const between = /(<!-- variables:.*-->\n)[\s\S]*?(<!-- \/variables -->)/;
  const fresh = page.replace(between, (_, open: string, close: string) => `${open}\n${variablesTable()}\n\n${close}`);
  if (process.env.TAILRACE_TEST_WRITE_DOCS === 'on') writeFileSync(path, fresh);
  else expect(page).toBe(fresh);
});
