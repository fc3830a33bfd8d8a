import { type OperationDefinitionNode, parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import { refuse, selectedFields } from '../../../src/graphql/operation/access.js';
import { operationOf } from '../../../src/graphql/operation/operation.js';
import { nobody, type Viewer } from '../../../src/graphql/viewer.js';
import { compileSchema } from '../../../src/schema/compile.js';

const { schema, problems } = compileSchema(
  `
  type Query { open: Thing! @public  closed: Thing! @authenticated  node: Node! @public  any: Any! @public }
  type Subscription {
    thing: Thing! @kafka(topic: "things") @public
    mine: Thing! @kafka(topic: "things") @where(rule: "event.user == claims.sub")
  }
  interface Node { id: ID! note: String }
  union Any = Thing | Vault
  type Thing implements Node {
    id: ID!
    user: ID
    note: String
    price: Int @authenticated
    cost: Int @requiresScopes(scopes: [["read:cost", "staff"], ["admin"]])
    inner: Thing
    vault: Vault
  }
  type Vault implements Node @requiresScopes(scopes: [["vault"]]) {
    id: ID!
    note: String @requiresScopes(scopes: [["read:note"]])
  }
  `,
  { retention: { retain: 1_000, max: 10 } },
);
if (!schema) throw new Error(problems.map(({ message }) => message).join('\n'));
const streams = schema;

const signedIn = (claims: Record<string, unknown> = {}): Viewer => ({ signedIn: true, claims, expiresAt: null });
const scoped = (...scopes: string[]) => signedIn({ scope: scopes.join(' ') });

function asked(text: string, viewer: Viewer, name?: string) {
  const document = parse(text);
  const operation = operationOf(document, name);
  const fault = refuse(streams, selectedFields(streams.graphql, document, operation), viewer);
  return fault === null ? 'allowed' : fault.code === 'FORBIDDEN' ? fault.extensions.paths : fault.code;
}

describe('who may ask', () => {
  test.each<[string, string, Viewer, unknown]>([
    ['anybody for what is public', '{ open { id } }', nobody, 'allowed'],
    ['nobody for what needs a token', '{ closed { id } }', nobody, 'UNAUTHENTICATED'],
    ['a viewer for what needs a token', '{ closed { id } }', signedIn(), 'allowed'],
    ['nobody for a field inside that needs one', '{ open { inner { price } } }', nobody, 'UNAUTHENTICATED'],
    ['a viewer for a field inside that needs one', '{ open { inner { price } } }', signedIn(), 'allowed'],
    ['nobody, where a rule reads claims', 'subscription { mine { id } }', nobody, 'UNAUTHENTICATED'],
    ['anybody for a public stream', 'subscription { thing { id } }', nobody, 'allowed'],
    [
      'not without the scopes, and by which paths',
      '{ open { cost inner { cost } } }',
      signedIn(),
      ['open.cost', 'open.inner.cost'],
    ],
    ['not with one of two scopes', '{ open { cost } }', scoped('staff'), ['open.cost']],
    ['with both', '{ open { cost } }', scoped('staff', 'read:cost'), 'allowed'],
    ['with the other way', '{ open { cost } }', scoped('admin'), 'allowed'],
    ['scopes as a list', '{ open { cost } }', signedIn({ scp: ['admin'] }), 'allowed'],
    ['paths by alias', '{ a: open { b: cost } }', signedIn(), ['a.b']],
    ['a type by whoever reaches it', '{ open { vault { id } } }', signedIn(), ['open.vault', 'open.vault.id']],
    ['a type with its scope', '{ open { vault { id } } }', scoped('vault'), 'allowed'],
    ['an interface that may be a closed type', '{ node { id } }', signedIn(), ['node', 'node.id']],
    ['an interface’s field, by the types behind it', '{ node { note } }', scoped('vault'), ['node.note']],
    ['a union that may be a closed type', '{ any { __typename } }', signedIn(), ['any']],
    [
      'a fragment, by its whole path',
      '{ open { ...F } } fragment F on Thing { inner { cost } }',
      signedIn(),
      ['open.inner.cost'],
    ],
    [
      'an inline fragment on an interface, narrowed to the type it stands in',
      '{ open { ... on Node { id } } }',
      signedIn(),
      'allowed',
    ],
    [
      'a fragment within a fragment',
      '{ open { ...A } } fragment A on Node { ...B } fragment B on Thing { cost }',
      signedIn(),
      ['open.cost'],
    ],
    [
      'a field that a variable may leave out, as if it did not',
      'query ($staff: Boolean!) { open { cost @include(if: $staff) inner { cost @skip(if: true) } } }',
      signedIn(),
      ['open.cost', 'open.inner.cost'],
    ],
    [
      'introspection, by everybody',
      '{ __typename __schema { types { name } } open { __typename } }',
      nobody,
      'allowed',
    ],
  ])('%s', (_, text, viewer, expected) => expect(asked(text, viewer)).toEqual(expected));

  test('what other operations of the document select counts for nothing', () => {
    const both = 'query A { open { id } } query B { open { cost ...F } } fragment F on Thing { cost }';
    expect(asked(both, nobody, 'A')).toBe('allowed');
    expect(asked(both, signedIn(), 'B')).toEqual(['open.cost']);
  });

  test('fragments that multiply are refused before they are walked', () => {
    const names = Array.from({ length: 40 }, (_, i) => `F${i}`);
    const fragments = names.map((name, i) => {
      const inner = i === 39 ? 'id' : `a: inner { ...F${i + 1} } b: inner { ...F${i + 1} }`;
      return `fragment ${name} on Thing { ${inner} }`;
    });
    expect(() => asked(`{ open { ...F0 } } ${fragments.join(' ')}`, nobody)).toThrow(/selects more than/);
  });

  test('long aliases that fragments multiply are refused: the paths of a small request would be as long as a book', () => {
    const [left, right] = ['a'.repeat(2_000), 'b'.repeat(2_000)];
    const fragments = Array.from({ length: 9 }, (_, i) => {
      const inner = i === 8 ? 'id' : `${left}: inner { ...F${i + 1} } ${right}: inner { ...F${i + 1} }`;
      return `fragment F${i} on Thing { ${inner} }`;
    });
    expect(() => asked(`{ open { ...F0 } } ${fragments.join(' ')}`, nobody)).toThrow(/too long/);
  });

  test('a refusal names every path, and in its sentence the first of them', () => {
    const many = Array.from({ length: 25 }, (_, n) => `a${n}: cost`).join(' ');
    const document = parse(`{ open { ${many} } }`);
    const [operation] = document.definitions as [OperationDefinitionNode];
    const refused = refuse(streams, selectedFields(streams.graphql, document, operation), signedIn());
    expect(refused?.extensions.paths).toHaveLength(25);
    expect(refused?.message).toMatch(/^Not allowed: this viewer may not read open\.a0, .*open\.a19 and 5 more$/);
  });
});
