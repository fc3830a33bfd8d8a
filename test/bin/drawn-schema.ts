import type fc from 'fast-check';
import * as draw from 'fast-check';

type Gen = fc.GeneratorValue;

/**
 * A schema whose hidden members and types have `secret` in their names, as does nothing else, and what clients are shown of
 * it: descriptions, deprecations, defaults of every kind, an interface, a union, directives of the author's own.
 */
export function drawnSchema(g: Gen): { readonly sdl: string; readonly shown: readonly string[] } {
  const maybe = (text: string) => (g(draw.boolean) ? text : '');
  const one = (...texts: readonly string[]) => texts[g(draw.nat, { max: texts.length - 1 })] as string;
  const described = (what: string) =>
    one('', `"What ${what} is." `, `"""\nOf ${what}:\n\n  indented \\""" text\n"""\n`);
  const deprecated = () => one('', '', '@deprecated', '@deprecated(reason: "Ask for \\"id\\".")');
  const wrapped = (type: string) => one(type, `${type}!`, `[${type}!]`, `[[${type}]!]!`);
  const output = () => wrapped(one('ID', 'Int', 'Float', 'Boolean', 'Day', 'Colour', 'A', 'B', 'Named', 'Any'));
  const argument = () =>
    one(
      'n: Int = 3',
      'f: Float = 1.5 @deprecated',
      's: String = "a \\"b\\"\\n"',
      'c: [Colour!]! = [RED]',
      'i: Filter = { ids: ["1"], least: null }',
      'x: OneOf',
      'b: Boolean!',
      'day: Day = "2026-01-01"',
    );
  const field = (name: string) =>
    `${described(name)} ${name}${maybe(`(${described('it')} ${argument()})`)}: ${output()} ${deprecated()} ${maybe('@own(kind: LOUD)')}`;
  const from = (name: string) => `${name}: ${one('ID', 'Int', 'Day')} @from(path: "deep.${name}")`;
  const secret = () =>
    one('secret: ID @hidden', 'secret: Secret @hidden', 'secret: [SecretToo!]', 'secret: SecretKind @hidden');
  const stream = (name: string, access: string) =>
    `${described(name)} ${name}(id: ID): ${one('A!', 'B', 'Named', 'Any')} @kafka(topic: "t", format: JSON) ${access}
      ${maybe('@history(retain: "1m", max: 7)')} ${deprecated()}`;
  const ask = `${described('ask')} ask(${argument()}): ${output()} @public`;

  const sdl = `
    ${maybe('directive @trace(of: Tracing = ALL) repeatable on FIELD | QUERY  enum Tracing { ALL NONE }')}
    directive @own(kind: OwnKind = QUIET) repeatable on FIELD_DEFINITION | OBJECT  enum OwnKind { LOUD QUIET }
    type Subscription {
      ${stream('one', one('@public', '@authenticated', '@requiresScopes(scopes: [["a"]])'))}
      ${stream('two', '@where(rule: "args.id == claims.sub")')}
    }
    ${one('', `type Query { ${ask} }`, `type Query { before: Int @public }  extend type Query { ${ask} }`)}
    ${maybe(`type Mutation @authenticated { ${described('say')} say(${argument()}): Boolean }`)}
    ${described('a day')} scalar Day ${maybe('@specifiedBy(url: "https://example.com/day")')}
    ${described('a colour')} enum Colour { ${described('red')} RED  GREEN ${deprecated()} }
    ${described('a filter')} input Filter { ids: [ID!] = ["2", "3"]  least: Int ${one('', '@deprecated')}  day: Day = "today" }
    input OneOf @oneOf { id: ID  day: Day }
    ${described('a name')} interface Named { name(long: Boolean = true): String ${maybe('secret: Int @hidden')} }
    union Any = A | B ${maybe('| Secret')}
    type A implements Named ${maybe('@own')} { name(long: Boolean = true): String secret: Int ${one('@hidden', '@hidden @deprecated')} ${field('x')} ${from('y')} }
    type B ${maybe('@public')} { ${field('x')} ${field('z')} ${secret()} }
    extend type B { ${from('more')} }
    type Secret @hidden { id: ID  kind: SecretKind }
    type SecretToo @hidden { secret: Secret  other: OnlySecretLeadsHere }
    type OnlySecretLeadsHere { id: ID }
    enum SecretKind { A B }`;
  return { sdl, shown: ['type A', 'type B', 'more: ', 'one(', 'two(', 'type Query'] };
}
