import { type Facts, judged, type Kind, printed, type Rule, readsClaims } from './rules.js';

/** A random schema, and what may be asked of it: everything about a case that does not happen in time. */
export interface Case {
  readonly kinds: Readonly<Record<Slot, Kind>>;
  readonly fields: readonly Field[];
  /** What `q` is when it is not given. */
  readonly otherwise: unknown;
  /** Who there is, and what they ask: alike in most things, so that some share a frame, and some must not. */
  readonly rights: readonly Rights[];
  readonly asks: readonly Ask[];
}
export type Slot = 'a' | 'b' | 'c' | 'p' | 'q' | 'l';

export interface Field {
  readonly name: string;
  readonly topic: (typeof topics)[number];
  readonly rule: Rule;
  readonly access: '@public' | '@authenticated' | '@requiresScopes(scopes: [["s"]])';
  readonly conflated: boolean;
}
export const topics = ['notes', 'posts'] as const;

export type Claims = Readonly<Record<string, unknown>>;
/** Null: nobody is signed in. */
export type Rights = Claims | null;

/** What somebody asks of a field. */
export interface Ask {
  readonly alias: string;
  readonly given: Readonly<Record<string, unknown>>;
  readonly selected: readonly Selected[];
  readonly word: number;
  readonly rewind: number;
}
export type Selected = 'a' | 'who' | 'rank' | 'known' | 'all' | 'told' | 'secret';

/** An event that is to be. */
export interface Draft {
  /** Turns of the event loop that `rank` takes for it. */
  readonly slow: number;
  /** What it is conflated by: 0 or 1, and then no partition's key is another one's. */
  readonly key: number;
  readonly [field: string]: unknown;
}

export interface Note extends Draft {
  readonly seq: number;
}

export function sdlOf({ kinds, fields, otherwise }: Case): string {
  const args = `p: ${kinds.p}, q: ${kinds.q} = ${JSON.stringify(otherwise)}, l: [${kinds.l}!]`;
  const lines = fields.map(({ name, topic, rule, access, conflated }) => {
    const said = access === '@authenticated' && readsClaims(rule) ? '' : access;
    const conflate = conflated ? '@conflate(by: "key", every: "10ms")' : '';
    return `${name}(${args}): Note! @kafka(topic: "${topic}") ${said} ${conflate} @where(rule: ${JSON.stringify(printed(rule))})`;
  });
  return `
    type Subscription {
      ${lines.join('\n      ')}
    }
    type Note {
      seq: Int! key: Int a: ${kinds.a} b: ${kinds.b} c: ${kinds.c} @from(path: "deep.c")
      who: String! rank: String! known: Boolean! all: String! told(word: Float): String!
      secret: String @requiresScopes(scopes: [["s"]])
    }`;
}

interface Context {
  readonly claims: Claims;
  readonly viewer: { readonly signedIn: boolean };
}
const only = (claims: Claims, ...names: string[]) =>
  names.filter((name) => Object.hasOwn(claims, name)).map((name) => [name, claims[name]]);
const spoken = (n: unknown) => (Object.is(n, -0) ? '-0' : `${n}`);

/** Resolvers that show for whom they were run. Some events take `rank` a while. */
export const resolversWith = (turns: (count: number) => Promise<void>) => ({
  Note: {
    who: {
      claims: ['sub'],
      resolve: (_: unknown, __: unknown, { claims }: Context) => JSON.stringify(only(claims, 'sub')),
    },
    rank: {
      claims: ['x', 'list'],
      resolve: ({ slow }: Note, _: unknown, { claims }: Context) => {
        const answer = JSON.stringify(only(claims, 'x', 'list'));
        return slow > 0 ? turns(slow).then(() => answer) : answer;
      },
    },
    known: { claims: [], resolve: (_: unknown, __: unknown, { viewer }: Context) => viewer.signedIn },
    all: (_: unknown, __: unknown, { claims }: Context) => JSON.stringify(claims),
    told: { claims: [], resolve: (_: unknown, { word }: { word: number }) => spoken(word) },
  },
});

/** What must be shown beside `seq` to somebody of these rights, and to nobody else. */
export function contentFor({ selected, word }: Ask, rights: Rights): Readonly<Record<string, unknown>> {
  const claims = rights ?? {};
  const content: Record<string, unknown> = {
    who: JSON.stringify(only(claims, 'sub')),
    rank: JSON.stringify(only(claims, 'x', 'list')),
    known: rights !== null,
    all: JSON.stringify(claims),
    told: spoken(word),
  };
  return Object.fromEntries(Object.entries(content).filter(([name]) => selected.includes(name as Selected)));
}

/** Two ways to say the same: the values in variables, or the word in the text. */
export function queryOf({ kinds }: Case, field: Field, { alias, selected, word, rewind, given }: Ask) {
  const inline = Object.keys(given).length % 2 === 0;
  const told = inline ? `told(word: ${spoken(word)})` : 'told(word: $word)';
  const names = selected.map((name) => (name === 'told' ? told : name));
  const variables = `$p: ${kinds.p}, $q: ${kinds.q}, $l: [${kinds.l}!]${!inline && selected.includes('told') ? ', $word: Float' : ''}`;
  const args = Object.keys(given).map((name) => `${name}: $${name}`);
  const declared = variables
    .split(', ')
    .filter((one) => one.startsWith('$word') || Object.hasOwn(given, one[1] as string));
  return {
    query:
      `subscription ${declared.length > 0 ? `(${declared.join(', ')})` : ''} @resume(rewind: ${rewind}) ` +
      `{ ${alias}: ${field.name}${args.length > 0 ? `(${args.join(', ')})` : ''} { seq ${names.join(' ')} } }`,
    variables: { ...given, ...(declared.some((one) => one.startsWith('$word')) ? { word } : {}) },
  };
}

/** May this be asked for at all, by whom? */
export function mayAsk({ access }: Field, { selected }: Ask, rights: Rights): boolean {
  const scoped = rights?.scope === 's';
  if (selected.includes('secret') && !scoped) return false;
  if (access === '@public') return true;
  if (access === '@authenticated') return rights !== null;
  return scoped;
}

/** The oracle: may this event be shown to somebody of these rights who asked so? */
export function maySee(
  given: Case,
  field: Field,
  ask: Ask,
  rights: Rights,
  event: Note,
  record: Facts['record'],
): boolean {
  const claims = { ...rights };
  return mayAsk(field, ask, rights) && judged(field.rule, { event, args: argsOf(given, ask), claims, record }) === true;
}

/** As GraphQL makes them of what was given. */
function argsOf({ otherwise }: Case, { given }: Ask): Record<string, unknown> {
  return { p: given.p ?? null, q: Object.hasOwn(given, 'q') ? given.q : otherwise, l: given.l ?? null };
}
