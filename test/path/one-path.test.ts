import { describe, expect, test } from 'vitest';
import { LogUnavailable } from '../../src/log/channel-log.js';
import { createMemoryLog } from '../../src/log/memory-log.js';
import type { AuditEntry } from '../../src/observe/audit.js';
import { noGatewayMetrics } from '../../src/observe/metrics.js';
import { transports } from '../../src/observe/transport.js';
import type { GatewayParts } from '../../src/serve/gateway.js';
import { type Way, type Wording, ways } from '../support/clients/ways.js';
import { type River, river, tokenFor } from '../support/river.js';

const sdl = `
  type Query {
    card(id: ID, json: JSON): Card @public
    mine: Card @authenticated
    secret(of: ID): Card @requiresScopes(scopes: [["secrets"]])
  }
  type Mutation {
    card(id: ID, json: JSON): Card @public
    mine: Card @authenticated
    secret(of: ID): Card @requiresScopes(scopes: [["secrets"]])
  }
  type Subscription {
    card(id: ID, json: JSON): Card! @kafka(topic: "cards") @public
    mine: Card! @kafka(topic: "cards") @where(rule: "event.user == claims.sub")
    secret(of: ID): Card! @kafka(topic: "cards") @requiresScopes(scopes: [["secrets"]])
  }
  type Card { id: ID user: ID card: Card cards: [Card!] }
  scalar JSON`;
const card = () => ({ id: '1' });
const roots = { card, mine: card, secret: card };
const resolvers = { Query: roots, Mutation: roots };

type Kind = Way['takes'][number];

interface Bad {
  readonly what: string;
  readonly wording: (kind: Kind) => Wording;
  readonly code: string;
  readonly limit?: string;
  /** Kinds of operations of which there is one like it. Default: all. */
  readonly kinds?: readonly Kind[];
  /** Default: nobody. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly paths?: readonly string[];
  /** True where it was not so much as an operation: what was asked for cannot be told. */
  readonly unknown?: boolean;
  /** True where the same may succeed later: some transports only tell their client to come back. */
  readonly passes?: boolean;
  readonly parts?: Partial<GatewayParts>;
  /** What comes before it. */
  readonly before?: Wording;
}

/** A value of so many objects inside of each other. */
const nested = (depth: number): object => (depth === 1 ? {} : { a: nested(depth - 1) });
const limited = (limit: string, max: number): Pick<Bad, 'code' | 'limit' | 'parts'> => ({
  code: 'LIMIT_EXCEEDED',
  limit,
  parts: { limits: { roomWait: 0, [limit]: max } },
});
const persisted = (only: boolean) => ({ operations: { persisted: new Map([['known', '{ __typename }']]), only } });
const away = () => {
  const log = createMemoryLog();
  const tail = () => Promise.reject(new LogUnavailable('it is away'));
  return { ...log, close: async () => {}, tail };
};

const operations: readonly Bad[] = [
  { what: 'does not parse', wording: (kind) => ({ query: `${kind} {` }), code: 'GRAPHQL_PARSE_FAILED', unknown: true },
  {
    what: 'asks for a field that is not there',
    wording: (kind) => ({ query: `${kind} { other }` }),
    code: 'GRAPHQL_VALIDATION_FAILED',
    unknown: true,
  },
  {
    what: 'has a name that the document has not',
    wording: (kind) => ({ query: `${kind} A { card { id } }`, operationName: 'B' }),
    code: 'OPERATION_RESOLUTION_FAILURE',
    unknown: true,
  },
  {
    what: 'has no name, where there are several',
    wording: (kind) => ({ query: `${kind} A { card { id } } ${kind} B { card { id } }` }),
    code: 'OPERATION_RESOLUTION_FAILURE',
    unknown: true,
  },
  {
    what: 'has a variable of another type',
    wording: (kind) => ({ query: `${kind} ($id: ID) { card(id: $id) { id } }`, variables: { id: {} } }),
    code: 'BAD_USER_INPUT',
  },
  {
    what: 'lacks a variable',
    wording: (kind) => ({ query: `${kind} ($id: ID!) { card(id: $id) { id } }` }),
    code: 'BAD_USER_INPUT',
  },
  {
    what: 'has too many words',
    wording: (kind) => ({ query: `${kind} { card { ${'id '.repeat(20)} } }` }),
    unknown: true,
    ...limited('operationTokens', 10),
  },
  {
    what: 'is too deep',
    wording: (kind) => ({ query: `${kind} { card { card { card { id } } } }` }),
    unknown: true,
    ...limited('operationDepth', 3),
  },
  {
    what: 'has too many aliases',
    wording: (kind) => ({ query: `${kind} { card { a: id b: id } }` }),
    unknown: true,
    ...limited('operationAliases', 1),
  },
  {
    what: 'has too many directives',
    wording: (kind) => ({ query: `${kind} { card { id @skip(if: false) user @skip(if: false) } }` }),
    unknown: true,
    ...limited('operationDirectives', 1),
  },
  {
    what: 'costs too much',
    wording: (kind) => ({ query: `${kind} { card { cards { id } } }` }),
    unknown: true,
    ...limited('operationCost', 10),
  },
  {
    what: 'brings variables that are too deep',
    wording: (kind) => ({
      query: `${kind} ($json: JSON) { card(json: $json) { id } }`,
      variables: nested(4) as Wording,
    }),
    ...limited('jsonDepth', 3),
  },
  {
    what: 'brings extensions that are too deep',
    wording: (kind) => ({ query: `${kind} { card { id } }`, extensions: nested(4) }),
    ...limited('jsonDepth', 3),
  },
  {
    what: 'needs to know who asks',
    wording: (kind) => ({ query: `${kind} { mine { id } }` }),
    code: 'UNAUTHENTICATED',
  },
  {
    what: 'needs a scope that its viewer lacks',
    wording: (kind) => ({ query: `${kind} { secret(of: "ada") { id } }` }),
    claims: { sub: 'ada', scope: 'other' },
    paths: ['secret'],
    code: 'FORBIDDEN',
  },
  {
    what: 'is asked for by an id that is not there',
    wording: () => ({ documentId: 'unknown' }),
    parts: persisted(false),
    code: 'PERSISTED_QUERY_NOT_FOUND',
    unknown: true,
  },
  {
    what: 'is a text, where only ids are wanted',
    wording: (kind) => ({ query: `${kind} { card { id } }` }),
    parts: persisted(true),
    code: 'PERSISTED_QUERY_ID_REQUIRED',
    unknown: true,
  },
  {
    what: 'has an id that is no text',
    wording: () => ({ extensions: { persistedQuery: { version: 1, sha256Hash: 7 } } }),
    code: 'BAD_USER_INPUT',
    unknown: true,
  },
  {
    what: 'begins after a cursor that was not made here',
    kinds: ['subscription'],
    wording: () => ({ query: 'subscription { card { id } }', extensions: { after: 'made up' } }),
    code: 'CURSOR_INVALID',
  },
  {
    what: 'rewinds too far',
    kinds: ['subscription'],
    wording: () => ({ query: 'subscription @resume(rewind: 5) { card { id } }' }),
    ...limited('rewind', 4),
  },
  {
    what: 'is one more than a person may have',
    kinds: ['subscription'],
    wording: () => ({ query: 'subscription { mine { id } }' }),
    claims: { sub: 'ada' },
    passes: true,
    ...limited('subscriptionsPerUser', 0),
  },
  {
    what: 'is one more than there may be in a minute',
    kinds: ['mutation'],
    wording: () => ({ query: 'mutation { a: mine { id } b: mine { id } }' }),
    claims: { sub: 'ada' },
    passes: true,
    ...limited('mutationsPerMinute', 1),
  },
  {
    what: 'needs a log that cannot be reached',
    kinds: ['subscription'],
    wording: () => ({ query: 'subscription { card { id } }' }),
    parts: { log: away() },
    passes: true,
    code: 'UNAVAILABLE',
  },
];

/** A gateway, and what it told of who was refused. */
async function watched(parts: Partial<GatewayParts> = {}) {
  const counted: string[] = [];
  const limits: string[] = [];
  const audited: AuditEntry[] = [];
  const metrics = {
    ...noGatewayMetrics,
    refusedOperation: (code: string) => void counted.push(code),
    limited: (limit: string) => void limits.push(limit),
  };
  const r: River = await river(sdl, { resolvers, metrics, audit: (entry) => void audited.push(entry), ...parts });
  return { r, counted, limits, audited, [Symbol.asyncDispose]: () => r[Symbol.asyncDispose]() };
}

/** An audit line without what only a connection has: the name of a stream, and a client's own id. */
function comparable(entry: AuditEntry): object {
  if (!('peer' in entry) || entry.peer === null) return entry;
  const { transport, address } = entry.peer;
  return { ...entry, peer: { transport, address } };
}

const of = (transport: string) => ({ transport, address: '127.0.0.1' });

test('every transport that clients have is asked here', () => {
  const asked = new Set(Object.values(ways).map(({ transport }) => transport));
  expect([...asked].sort()).toEqual(transports.filter((name) => name !== 'admin').sort());
});

describe.each(Object.entries(ways))('over %s', (_, { transport, takes, ask }) => {
  describe.each(takes)('a %s', (kind) => {
    const bad = operations.filter(({ kinds = [kind] }) => kinds.includes(kind));
    test.each(bad)('that $what is refused, audited and counted as everywhere, and once', async (one) => {
      const { wording, code, limit, claims, paths, passes = false, unknown = false } = one;
      await using w = await watched(one.parts);
      const token = claims ? await tokenFor(claims) : null;
      expect(passes ? [code, 'come back'] : [code]).toContain(await ask(w.r, wording(kind), token));
      expect(w.audited.map(comparable)).toEqual([
        {
          event: 'refused',
          peer: of(transport),
          claims: claims ? expect.objectContaining(claims) : {},
          code,
          paths,
          ...(unknown ? {} : { asked: expect.objectContaining({ kind }) }),
        },
      ]);
      expect(w.counted).toEqual([code]);
      expect(w.limits).toEqual(limit ? [limit] : []);
    });
  });

  const others = (['query', 'mutation', 'subscription'] as const).filter((kind) => !takes.includes(kind));
  test.each(others)(
    'a %s, which does not come this way, is refused, audited and counted, and does nothing',
    async (kind) => {
      let done = 0;
      const counting = Object.fromEntries(Object.keys(roots).map((name) => [name, () => ({ id: ++done })]));
      await using w = await watched({ resolvers: { Query: counting, Mutation: counting } });
      expect(await ask(w.r, { query: `${kind} { card { id } }` }, null)).toBe('BAD_REQUEST');
      expect(w.audited.map(comparable)).toMatchObject([{ event: 'refused', peer: of(transport), code: 'BAD_REQUEST' }]);
      expect(w.counted).toEqual(['BAD_REQUEST']);
      expect([done, w.r.subscribed()]).toEqual([0, 0]);
    },
  );

  test.each(takes)('a %s that is in order is audited once, and not counted as refused', async (kind) => {
    await using w = await watched();
    expect(await ask(w.r, { query: `${kind} { card(id: "1") { id } }` }, null)).toBeNull();
    const event = kind === 'subscription' ? 'subscribed' : 'executed';
    expect(w.audited.map(comparable)).toMatchObject([{ event, peer: of(transport), claims: {} }]);
    expect([w.counted, w.limits]).toEqual([[], []]);
  });
});
