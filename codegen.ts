// npm run codegen: types for the resolvers of schema.graphql. A test fails when the generated file is stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { codegen } from '@graphql-codegen/core';
import * as typescript from '@graphql-codegen/typescript';
import * as typescriptResolvers from '@graphql-codegen/typescript-resolvers';
import { GraphQLSchema, isObjectType, parse, printSchema, specifiedDirectives } from 'graphql';
import { compileSchema } from './src/schema/compile.js';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Where the types go: beside the example that uses them. */
export const generatedFile = path('examples/masking/types.generated.ts');

/**
 * The types of the sample schema, as text.
 *
 * A resolver's parent is the event as the record has it. Where `@from` says that a value lies elsewhere, the GraphQL
 * type is not that shape: the parents of such types are `unknown`, so that nobody reads a field that is not there.
 */
export async function generate(): Promise<string> {
  const file = path('schema.graphql');
  const { schema: streams, problems } = compileSchema(readFileSync(file, 'utf8'), {
    file,
    retention: { retain: 600_000, max: 1000 },
  });
  if (streams === null) throw new Error(problems.map(({ line, message }) => `${file}:${line} ${message}`).join('\n'));
  // Resolvers get what is hidden in their parents.
  const schema = withoutDirectives(streams.whole);
  const text = await codegen({
    filename: generatedFile,
    schema: parse(printSchema(schema)),
    schemaAst: schema,
    documents: [],
    pluginMap: { typescript, 'typescript-resolvers': typescriptResolvers },
    plugins: [{ typescript: {} }, { 'typescript-resolvers': {} }],
    config: {
      contextType: 'tailrace#Context',
      enumsAsTypes: true,
      immutableTypes: true,
      mappers: Object.fromEntries(movedTypes(schema).map((name) => [name, 'unknown'])),
      scalars: { JSON: 'unknown' },
      strictScalars: true,
      useTypeImports: true,
    },
  });
  return `// Made from schema.graphql by npm run codegen. Changes here are lost.\n${withClaims(text).trimEnd()}\n`;
}

/** Resolvers meet no directives: Tailrace has read them before. */
function withoutDirectives(schema: GraphQLSchema): GraphQLSchema {
  const { types, ...config } = schema.toConfig();
  const ours = new Set(['KafkaFormat', 'OnGap']);
  return new GraphQLSchema({
    ...config,
    types: types.filter(({ name }) => !ours.has(name)),
    directives: specifiedDirectives,
  });
}

/** The plugin knows functions and `{resolve}`; in Tailrace a resolver may also say which claims it reads. */
function withClaims(text: string): string {
  const before = 'export type ResolverWithResolve<TResult, TParent, TContext, TArgs> = {\n';
  if (!text.includes(before)) throw new Error('the plugin writes resolvers in another way than before');
  return text.replace(before, `${before}  readonly claims?: readonly string[];\n`);
}

function movedTypes(schema: GraphQLSchema): readonly string[] {
  return Object.values(schema.getTypeMap())
    .filter((type) => isObjectType(type) && Object.values(type.getFields()).some((field) => 'from' in field.extensions))
    .map(({ name }) => name);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(generatedFile, await generate());
