import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { PubSub } from 'graphql-subscriptions';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { tokenAuthenticator } from '../../src/serve/identity/authenticate.js';
import { eventually } from '../support/eventually.js';
import { type River, river } from '../support/river.js';
import { audience, issuer, issuing } from './tokens.js';
import { type Asked, type Transport, transports } from './transports.js';

/**
 * Who may what: every transport, kind of operation, state of a token and directive, each cell run against a gateway that
 * knows its issuer by published keys.
 */
const sdl = `
  type Query {
    public: Note @public
    authenticated: Note @authenticated
    scopes: Note @requiresScopes(scopes: [["special"], ["other", "more"]])
  }
  type Mutation {
    public: Note @public
    authenticated: Note @authenticated
    scopes: Note @requiresScopes(scopes: [["special"]])
  }
  type Subscription {
    public: Note! @kafka(topic: "notes") @public
    authenticated: Note! @kafka(topic: "notes") @authenticated
    scopes: Note! @kafka(topic: "notes") @requiresScopes(scopes: [["special"]])
    rule: Note! @kafka(topic: "notes") @where(rule: "event.room in claims.rooms")
    livePublic: Note! @public
    liveAuthenticated: Note! @authenticated
    liveScopes: Note! @requiresScopes(scopes: [["special"]])
  }
  type Note { id: ID room: ID told: String @requiresScopes(scopes: [["special"]]) }`;

const note = { id: '1', room: 'a', told: 'x' };
const answers = { public: () => note, authenticated: () => note, scopes: () => note };
const live = (name: string) => ({
  subscribe: (_: unknown, __: unknown, { pubsub }: { pubsub: PubSub }) => pubsub.asyncIterableIterator('notes'),
  resolve: () => ({ ...note, name }),
});
const resolvers = {
  Query: answers,
  Mutation: answers,
  Subscription: {
    livePublic: live('livePublic'),
    liveAuthenticated: live('liveAuthenticated'),
    liveScopes: live('liveScopes'),
  },
};

/** The directives by which an operation is judged, on a field of the root or, `nested`, on one inside. */
const directives = ['@public', '@authenticated', '@requiresScopes', '@where', 'nested @requiresScopes'] as const;
type Directive = (typeof directives)[number];
const kinds = ['query', 'mutation', 'subscription', 'ephemeral subscription'] as const;
type Kind = (typeof kinds)[number];
type Row = Readonly<Record<Directive, string>>;

function operation(kind: Kind, directive: Directive): string | null {
  const names = {
    '@public': 'public',
    '@authenticated': 'authenticated',
    '@requiresScopes': 'scopes',
    '@where': 'rule',
  };
  const nested = directive === 'nested @requiresScopes';
  const name = nested ? 'public' : names[directive];
  const fields = nested ? '{ id ...More }' : '{ id }';
  const more = nested ? ' fragment More on Note { ... on Note { other: told } }' : '';
  if (directive === '@where' && kind !== 'subscription') return null;
  if (kind !== 'ephemeral subscription') return `${kind} { ${name} ${fields} }${more}`;
  return `subscription { live${name[0]?.toUpperCase()}${name.slice(1)} ${fields} }${more}`;
}

let issuerOf: Awaited<ReturnType<typeof issuing>>;
let r: River;
let ticks = 0;
let ticking: NodeJS.Timeout;

/** Milliseconds that have gone by beside those that have. */
let ahead = 0;

beforeAll(async () => {
  for (const clock of [Date, performance]) {
    const now = clock.now.bind(clock);
    vi.spyOn(clock, 'now').mockImplementation(() => now() + ahead);
  }
  issuerOf = await issuing();
  const pubsub = new PubSub({ eventEmitter: new EventEmitter().setMaxListeners(0) });
  const keys = { secrets: [], jwksUrl: issuerOf.jwksUrl, issuer, audience };
  const others = { secrets: ['the secret of another issuer, long enough'], jwksUrl: null, issuer: 'jobs', audience };
  r = await river(sdl, {
    resolvers: resolvers as never,
    pubsub: pubsub as never,
    authenticate: tokenAuthenticator(keys, others),
    limits: { subscriptionsPerSocket: 10 },
  });
  // The keys were fetched before the new one was published, half a minute ago.
  expect(await outcome('HTTP', 'query', '@authenticated', await issuerOf.sign())).toBe('allowed');
  await issuerOf.rotate();
  ahead = 31_000;
  ticking = setInterval(() => {
    ticks++;
    void r.publish('notes', note).then(() => pubsub.publish('notes', {}));
  }, 50);
});

afterAll(async () => {
  clearInterval(ticking);
  await r[Symbol.asyncDispose]();
  vi.restoreAllMocks();
  await issuerOf.close();
});

/** `allowed` when it was shown something, else how it ended. */
async function begin(transport: Transport, query: string, token: string | null) {
  const asked = await transports[transport](r, query, token);
  const word = await eventually('an outcome', () => (asked.results.length > 0 ? 'allowed' : asked.ended()));
  return { asked, word };
}

async function outcome(transport: Transport, kind: Kind, directive: Directive, token: string | null) {
  const query = operation(kind, directive);
  if (query === null) return null;
  const { asked, word } = await begin(transport, query, token);
  await asked[Symbol.asyncDispose]();
  return word;
}

const everything: Row = {
  '@public': 'allowed',
  '@authenticated': 'allowed',
  '@requiresScopes': 'allowed',
  '@where': 'allowed',
  'nested @requiresScopes': 'allowed',
};
const withoutScope: Row = { ...everything, '@requiresScopes': 'FORBIDDEN', 'nested @requiresScopes': 'FORBIDDEN' };
const signedOut: Row = {
  '@public': 'allowed',
  '@authenticated': 'UNAUTHENTICATED',
  '@requiresScopes': 'UNAUTHENTICATED',
  '@where': 'UNAUTHENTICATED',
  'nested @requiresScopes': 'UNAUTHENTICATED',
};
/** Also for what is public: who shows a bad token shall know. */
const nothing: Row = {
  '@public': 'UNAUTHENTICATED',
  '@authenticated': 'UNAUTHENTICATED',
  '@requiresScopes': 'UNAUTHENTICATED',
  '@where': 'UNAUTHENTICATED',
  'nested @requiresScopes': 'UNAUTHENTICATED',
};

const atTheDoor: [string, () => Promise<string | null>, Row][] = [
  ['no token', async () => null, signedOut],
  ['a good token', () => issuerOf.sign(), everything],
  ['a good token without the scope', () => issuerOf.sign({ scope: 'other' }), withoutScope],
  ['garbage', async () => 'garbage', nothing],
  ['alg none', () => issuerOf.unsigned(), nothing],
  ['HS256 signed with the public key', () => issuerOf.byPublicKey(), nothing],
  ['an issuer nobody knows', () => issuerOf.sign({ iss: 'https://evil.example' }), nothing],
  ['the name of another issuer', () => issuerOf.sign({ iss: 'jobs' }), nothing],
  ['another audience', () => issuerOf.sign({ aud: 'elsewhere' }), nothing],
  ['a token issued in the future', () => issuerOf.sign({ iat: issuerOf.seconds() + 30 }), nothing],
  ['a token issued in milliseconds', () => issuerOf.sign({ iat: Date.now() }), nothing],
  ['a token of a clock that is a little ahead', () => issuerOf.sign({ iat: issuerOf.seconds() + 4 }), everything],
  ['a token not yet valid', () => issuerOf.sign({ nbf: issuerOf.seconds() + 120 }), nothing],
  ['an expired token', () => issuerOf.sign({ exp: issuerOf.seconds() - 60 }), nothing],
  ['a signature that is not its own', () => issuerOf.sign({}, 'new').then((token) => `${token}x`), nothing],
  ['the right key after a rotation', () => issuerOf.sign({}, 'new'), everything],
  [
    'a revoked token',
    async () => {
      const jti = randomUUID();
      const token = await issuerOf.sign({ jti, iat: issuerOf.seconds() - 2 });
      await r.revoke({ jti });
      return token;
    },
    nothing,
  ],
  [
    'a token of a clock that is a little ahead, revoked',
    async () => {
      const jti = randomUUID();
      const token = await issuerOf.sign({ jti, iat: issuerOf.seconds() + 4 });
      await r.revoke({ jti });
      return token;
    },
    nothing,
  ],
  [
    'a token issued after the revocation, beyond what clocks may differ',
    async () => {
      const { at } = await r.revoke({ jti: 'kept' });
      await until((at + 1) * 1000);
      return issuerOf.sign({ jti: 'kept', iat: at + 6 });
    },
    everything,
  ],
];

/** What the table says in the words of a transport. */
function expected(transport: Transport, kind: Kind, directive: Directive, row: Row, token: string | null) {
  if (operation(kind, directive) === null) return null;
  if (row === nothing && transport === 'WebSocket') return 'closed 4403';
  // A ticket is given for a token only.
  if (transport === 'EventSource with a ticket' && token === null) return 'UNAUTHENTICATED';
  if (transport.startsWith('EventSource') && row !== nothing && (kind === 'query' || kind === 'mutation'))
    return 'BAD_REQUEST';
  // Plain HTTP cannot stream, whoever asks.
  if (transport === 'HTTP' && kind.endsWith('subscription') && row !== nothing) return 'BAD_REQUEST';
  return row[directive];
}

describe.each(Object.keys(transports) as Transport[])('over %s, at the door,', (transport) => {
  test.each(atTheDoor)('%s', async (_, given, row) => {
    const token = await given();
    const cells = kinds.flatMap((kind) => directives.map((directive) => ({ kind, directive })));
    const told = await Promise.all(
      cells.map(async ({ kind, directive }) => [kind, directive, await outcome(transport, kind, directive, token)]),
    );
    expect(told).toEqual(
      cells.map(({ kind, directive }) => [kind, directive, expected(transport, kind, directive, row, token)]),
    );
  });
});

const streams = ['subscription', 'ephemeral subscription'] as const;
const streaming = (Object.keys(transports) as Transport[]).filter((transport) => transport !== 'HTTP');
const endOf = (transport: Transport) => (transport === 'WebSocket' ? 'closed 4403' : 'UNAUTHENTICATED');

/** What happens to a token while its stream runs, and to the stream. */
interface Course {
  readonly life: number;
  /** Seconds by which the clock of who signs is ahead. */
  readonly ahead?: number;
  happen(asked: Asked, jti: string): Promise<unknown>;
  readonly becomes: (transport: Transport, directive: Directive) => string;
}

const until = (moment: number) => eventually('its time', () => Date.now() > moment);

const courses: [string, Course][] = [
  ['expiring', { life: 4, happen: async () => {}, becomes: endOf }],
  [
    'renewed',
    {
      life: 5,
      async happen(asked, jti) {
        const end = Date.now() + 6_000;
        expect(await asked.renew(await issuerOf.sign({ jti: `${jti} renewed` }))).toBe(true);
        await until(end);
      },
      becomes: () => 'goes on',
    },
  ],
  [
    'renewed to fewer rights',
    {
      life: 60,
      async happen(asked) {
        expect(await asked.renew(await issuerOf.sign({ scope: '', rooms: ['b'] }))).toBe(true);
      },
      becomes: (_, directive) => (directive === '@where' ? 'sees nothing' : goesOn(withoutScope[directive])),
    },
  ],
  [
    'renewed by somebody else’s token',
    {
      life: 60,
      async happen(asked) {
        expect(await asked.renew(await issuerOf.sign({ sub: 'grace', rooms: ['b'] }))).toBe('FORBIDDEN');
      },
      becomes: () => 'goes on',
    },
  ],
  [
    'renewed by a token of the future',
    {
      life: 60,
      async happen(asked, jti) {
        expect(await asked.renew(await issuerOf.sign({ jti, iat: issuerOf.seconds() + 30 }))).toBe('UNAUTHENTICATED');
      },
      becomes: () => 'goes on',
    },
  ],
  ['revoked', { life: 60, happen: (_, jti) => r.revoke({ jti }), becomes: endOf }],
  [
    'revoked, of a clock that is a little ahead',
    { life: 60, ahead: 4, happen: (_, jti) => r.revoke({ jti }), becomes: endOf },
  ],
];

const goesOn = (word: string) => (word === 'allowed' ? 'goes on' : word);

/** What becomes of a stream from now on: its end, or whether it is still shown what comes. */
async function fate(asked: Asked, ends: boolean): Promise<string> {
  if (ends) return eventually('its end', () => asked.ended());
  const [tick, shown] = [ticks, asked.results.length];
  await eventually('more to be shown', () => asked.ended() ?? (asked.results.length > shown + 2 || ticks > tick + 20));
  return asked.ended() ?? (asked.results.length > shown + 2 ? 'goes on' : 'sees nothing');
}

describe.each(streaming)('over %s, while a stream runs,', (transport) => {
  test.concurrent.each(courses)('%s', async (_, { life, ahead: fast = -1, happen, becomes }) => {
    const cells = streams.flatMap((kind) =>
      directives
        .map((directive) => ({ kind, directive, query: operation(kind, directive) }))
        .filter(({ query }) => query !== null),
    );
    const told = await Promise.all(
      cells.map(async ({ kind, directive, query }) => {
        const jti = randomUUID();
        const token = await issuerOf.sign({ jti, exp: issuerOf.seconds() + life, iat: issuerOf.seconds() + fast });
        const { asked, word } = await begin(transport, query as string, token);
        await using _asked = asked;
        expect(word).toBe('allowed');
        await happen(asked, jti);
        const ends = !['goes on', 'sees nothing'].includes(becomes(transport, directive));
        return [kind, directive, await fate(asked, ends)];
      }),
    );
    expect(told).toEqual(cells.map(({ kind, directive }) => [kind, directive, becomes(transport, directive)]));
  });
});
