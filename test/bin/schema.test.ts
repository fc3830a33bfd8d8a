import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  buildClientSchema,
  buildSchema,
  GraphQLScalarType,
  getIntrospectionQuery,
  graphqlSync,
  lexicographicSortSchema,
  printSchema,
} from 'graphql';
import { afterAll, describe, expect, test } from 'vitest';
import { schema } from '../../src/bin/schema.js';
import { makeExecutable, type Resolvers } from '../../src/graphql/executable.js';
import { compiled } from '../schema/given.js';
import { cases } from '../support/properties.js';
import { sampleRiver } from '../support/sample.js';
import { drawnSchema } from './drawn-schema.js';

const folder = mkdtempSync(join(tmpdir(), 'tailrace-schema-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function printed(sdl: string | null, words: readonly string[] = [], env: Record<string, string> = {}) {
  const file = join(folder, 'schema.graphql');
  if (sdl !== null) writeFileSync(file, sdl);
  const lines = { out: [] as string[], err: [] as string[] };
  const terminal = {
    out: (line: string) => void lines.out.push(line),
    err: (line: string) => void lines.err.push(line),
  };
  const code = await schema(sdl === null ? words : [file, ...words], env, terminal);
  return { code, out: lines.out.join('\n'), err: lines.err.join('\n') };
}

const everything = getIntrospectionQuery({
  specifiedByUrl: true,
  directiveIsRepeatable: true,
  schemaDescription: true,
  inputValueDeprecation: true,
  oneOf: true,
});

const shownBy = (introspection: unknown): string =>
  printSchema(lexicographicSortSchema(buildClientSchema(introspection as never)));

function introspected(sdl: string, resolvers: Resolvers = {}): string {
  const { schema: executable } = makeExecutable(compiled(sdl), resolvers, '1');
  const { data, errors } = graphqlSync({ schema: executable, source: everything });
  expect(errors).toBeUndefined();
  return shownBy(data);
}

test('prints of the sample what its gateway tells by introspection', async () => {
  await using r = await sampleRiver();
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(r.url, { method: 'POST', headers, body: JSON.stringify({ query: everything }) });
  const { out, code } = await printed(null);
  expect(code).toBe(0);
  expect(shownBy(((await answer.json()) as { data: unknown }).data)).toBe(out);
});

test('prints of any schema what introspection shows, and nothing of what is hidden or the server’s', async () => {
  await fc.assert(
    fc.asyncProperty(fc.gen(), async (g) => {
      const { sdl, shown } = drawnSchema(g);
      const { out } = await printed(sdl);
      expect(out).toBe(introspected(sdl));
      expect(out).not.toMatch(/secret|Secret|@kafka|@where|@public|@authenticated|@from|@history|@conflate|@hidden/);
      expect(out).not.toMatch(/@requiresScopes|KafkaFormat|@own|OwnKind/);
      for (const part of [...shown, 'directive @resume(', 'enum OnGap']) expect(out).toContain(part);
      expect(() => buildSchema(out)).not.toThrow();
    }),
    { numRuns: cases(250) },
  );
});

describe('a copy of it', () => {
  const types = [
    'type A { b: B  id: ID }',
    'type B { id: ID }',
    'type Subscription { a: A @kafka(topic: "t") @public }',
  ];

  test('changes only where the schema does, not when its author moves things about', async () => {
    const { out } = await printed(types.join('\n'));
    expect((await printed(types.toReversed().join('\n').replace('b: B  id: ID', 'id: ID  b: B'))).out).toBe(out);
  });

  test('has what the text says of a scalar, whatever its resolver brings', async () => {
    const sdl = `${types.join('\n')} "A day." scalar Day @specifiedBy(url: "https://example.com/day") type C { day: Day }`;
    const Day = new GraphQLScalarType({
      name: 'Day',
      description: 'A moment.',
      specifiedByURL: 'https://example.org/other',
    });
    const { out } = await printed(sdl);
    expect(out).toContain('"""A day."""\nscalar Day @specifiedBy(url: "https://example.com/day")');
    expect(introspected(sdl, { Day })).toBe(out);
  });
});

test('a schema with faults is refused with each of them, and nothing is printed', async () => {
  await expect(printed('type Subscription { a: A @kafka(topic: "t") @public } type B { id: C }')).rejects.toMatchObject(
    {
      name: 'Refusal',
      lines: [expect.stringMatching(/:1:24 Unknown type "A"/), expect.stringMatching(/:1:68 Unknown type "C"/)],
    },
  );
});

test('two files are not understood: exit 2, nothing on stdout', async () => {
  expect(await printed(null, ['a', 'b'])).toEqual({ code: 2, out: '', err: 'usage: tailrace schema [schema.graphql]' });
});

test('the settings of other commands are not asked for: it runs where nothing is set up', async () => {
  expect((await printed(null, [], { TAILRACE_PORT: 'x', TAILRACE_SCHEMA: 'schema.graphql' })).code).toBe(0);
});
