import { parseArgs } from 'node:util';
import { lexicographicSortSchema, printSchema } from 'graphql';
import { configOf, type Run } from './process/command.js';
import { loadSchema } from './settings/load.js';

/**
 * `tailrace schema [schema.graphql]`: prints what clients may know, for their generators of code: what introspection shows, as
 * SDL, sorted by name, so that a copy of it changes only where the schema does. Resolves with 0, with 2 for more than one
 * file. Throws Refusal with every fault of the schema.
 */
export const schema: Run = async (args, env, { out, err }) => {
  const { positionals } = parseArgs({ args: [...args], allowPositionals: true });
  if (positionals.length > 1) {
    err('usage: tailrace schema [schema.graphql]');
    return 2;
  }
  const config = configOf(env, 'explain');
  const { schema: streams } = loadSchema(positionals[0] ?? config.schema, config);
  out(printSchema(lexicographicSortSchema(streams.graphql)));
  return 0;
};
