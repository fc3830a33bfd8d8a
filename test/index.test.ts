import { describe, expect, test } from 'vitest';
import { defaultText, type Variable } from '../src/config/variable.js';
import { type Key, variables } from '../src/config/variables.js';
import type { Auth, GatewayOptions, Signer } from '../src/index.js';
import { usualScopeClaims } from '../src/schema/claims.js';
import { defaultLeeway } from '../src/serve/identity/issued.js';
import { gatewayLimits } from '../src/serve/limits/limits.js';
import { gatewaySettings } from '../src/serve/settings/gateway-settings.js';
import { settingsFrom } from '../src/serve/settings/setting.js';

type Names<T> = { readonly [K in T extends unknown ? keyof T : never]: true };
type Given<K extends keyof GatewayOptions> = Names<Required<NonNullable<GatewayOptions[K]>>>;
type Tls = NonNullable<NonNullable<GatewayOptions['redis']>['tls']>;

/** The options of createGateway that are groups of options. One that is missing here, or is none, does not compile. */
const groups = {
  auth: {
    ...({ secrets: true, jwksUrl: true, jwksCa: true, issuer: true, audience: true } satisfies Names<Signer>),
    ...({ issuers: true, authenticate: true, cookie: true, scopeClaims: true } satisfies Omit<
      Names<Auth>,
      keyof Names<Signer>
    >),
  },
  redis: { url: true, prefix: true, tls: true } satisfies Given<'redis'>,
  'redis.tls': { ca: true, cert: true, key: true } satisfies Names<Tls>,
  tls: { cert: true, key: true } satisfies Given<'tls'>,
  log: { shards: true } satisfies Given<'log'>,
  history: { retain: true, max: true } satisfies Given<'history'>,
  limits: gatewayLimits satisfies Record<keyof Given<'limits'>, unknown>,
};

/** Each of the others. */
const single = {
  ...{ schema: true, resolvers: true, operations: true, graphiql: true, version: true },
  ...{ metrics: true, logger: true, audit: true, cursorSecrets: true },
} satisfies Record<Exclude<keyof GatewayOptions, keyof typeof groups | keyof typeof gatewaySettings>, true>;

/** Every option by its path. */
const options: readonly string[] = [
  ...Object.keys(single),
  ...Object.keys(gatewaySettings).filter((name) => name !== 'authCookie'),
  ...Object.entries(groups).flatMap(([group, names]) => Object.keys(names).map((name) => `${group}.${name}`)),
].filter((path) => !(path in groups));

/** What code gives as a value, and the command as the name of a file, as a word, or by where it writes. */
const asValues: Readonly<Partial<Record<Key, string>>> = {
  schema: 'schema',
  resolvers: 'resolvers',
  operations: 'operations',
  operationsFile: 'operations',
  graphiql: 'graphiql',
  logLevel: 'logger',
  audit: 'audit',
  auditArguments: 'audit',
  host: 'listen',
  port: 'listen',
  // As in the list of TAILRACE_AUTH_ISSUERS.
  authJwtSecret: 'auth.secrets',
};

const ofTheCommand = (Object.entries(variables) as [Key, Variable][]).filter(([, { commands }]) =>
  commands.includes('gateway'),
);

/** `cursor secret` of cursorSecrets, and of TAILRACE_CURSOR_SECRET. The group of the limits is no word of theirs. */
const words = (name: string): string =>
  name
    .replace(/^limits\./, '')
    .replace(/[.A-Z]/g, (mark) => (mark === '.' ? ' ' : ` ${mark.toLowerCase()}`))
    .replace(/secrets$/, 'secret');

describe('a gateway from code and one by the environment', () => {
  test.each(ofTheCommand)('%s has the same words in code, and is an option there', (key, { code }) => {
    if (key.startsWith('admin')) expect(code, 'a gateway from code has no admin port').toBeNull();
    else if (asValues[key] !== undefined) expect(code).toBe(asValues[key]);
    else expect(words(code ?? '')).toBe(words(key));
    if (code !== null && code !== 'listen') expect(options).toContain(code);
  });

  test('code can be given nothing else, but what no text can say', () => {
    const said = new Set(ofTheCommand.map(([, { code }]) => code));
    expect(options.filter((path) => !said.has(path)).sort()).toEqual(['auth.authenticate', 'metrics', 'version']);
  });

  test('what they are unset is the same', () => {
    const inCode = { ...settingsFrom(gatewaySettings), ...settingsFrom(gatewayLimits) };
    const byEnvironment = Object.keys(inCode).map((name) => {
      const variable: Variable = variables[name as keyof typeof inCode];
      return [name, variable.kind.schema.parse(defaultText(variable, 'gateway') ?? '')];
    });
    expect(Object.fromEntries(byEnvironment)).toEqual(inCode);
    expect(inCode).toMatchObject({ trustedHops: 0, compression: false, tokenLeeway: defaultLeeway, heartbeat: 12_000 });
    expect(defaultText(variables.authScopeClaims, 'gateway')).toBe(usualScopeClaims.join());
  });

  test('what is given counts, and undefined is not given', () => {
    const given = settingsFrom(gatewaySettings, { trustedHops: 2, heartbeat: undefined as never });
    expect(given).toEqual({ ...settingsFrom(gatewaySettings), trustedHops: 2 });
  });
});
