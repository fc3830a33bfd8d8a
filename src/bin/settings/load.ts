import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Environment } from '../../config/variables.js';
import type { Resolvers } from '../../graphql/executable.js';
import { manifestOf, type Operations } from '../../graphql/operation/persisted.js';
import { usualScopeClaims } from '../../schema/claims.js';
import { compileSchema, type Problem } from '../../schema/compile.js';
import type { StreamSchema } from '../../schema/stream-schema.js';
import { Refusal } from '../process/refusal.js';
import { textIn } from '../process/text-file.js';

export interface LoadedSchema {
  readonly schema: StreamSchema;
  /** `file:line:column message` each, as `tailrace check` prints them. */
  readonly warnings: readonly string[];
}

/** The schema's file: the user's own, or the sample's, from this package, in a directory without one. */
export function schemaFileOf(configured: string, env: Environment): string {
  const sample = fileURLToPath(new URL('../../../schema.graphql', import.meta.url));
  return !env.TAILRACE_SCHEMA && !existsSync(configured) ? sample : configured;
}

interface SchemaSettings {
  readonly historyRetain: number;
  readonly historyMax: number;
  /** For a command that judges viewers. Default: the usual ones. */
  readonly authScopeClaims?: readonly string[];
}

/** Reads and compiles a schema file. Throws Refusal with every fault, each with its place. `historyRetain` is milliseconds. */
export function loadSchema(
  file: string,
  { historyRetain, historyMax, authScopeClaims: scopeClaims = usualScopeClaims }: SchemaSettings,
): LoadedSchema {
  const retention = { retain: historyRetain, max: historyMax };
  const { schema, problems } = compileSchema(textOf(file), { file, retention, scopeClaims });
  const lines = (severity: Problem['severity']) =>
    problems
      .filter((problem) => problem.severity === severity)
      .map(({ line, column, message }) => `${file}:${line}:${column} ${message}`);
  if (schema === null) throw new Refusal(...lines('fault'));
  return { schema, warnings: lines('warning') };
}

/**
 * What clients may ask, as TAILRACE_OPERATIONS and its file say. Throws Refusal when the file cannot be read or is no
 * manifest.
 */
export function loadOperations(only: boolean, file: string | null): Operations {
  if (file === null) return { persisted: new Map(), only };
  const name = `TAILRACE_OPERATIONS_FILE names ${JSON.stringify(file)}`;
  let json: string;
  try {
    json = textIn(file);
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    throw new Refusal(`${name}, which cannot be read${why}.`);
  }
  try {
    return { persisted: manifestOf(json), only };
  } catch (error) {
    throw new Refusal(`${name}, which is no manifest: ${(error as Error).message}.`);
  }
}

function textOf(file: string): string {
  try {
    return textIn(file);
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'it cannot be read';
    throw new Refusal(`There is no schema at ${file} (${why}): TAILRACE_SCHEMA says where it is.`);
  }
}

/**
 * The `resolvers` that the module at `path` exports; without a path, those of `resolvers.mjs` beside the schema file,
 * when there is one. Runs that module. Throws Refusal when it cannot be loaded or exports none.
 */
export async function loadResolvers(path: string | null, schemaFile: string): Promise<Resolvers> {
  const beside = resolve(dirname(schemaFile), 'resolvers.mjs');
  const file = path === null ? beside : resolve(path);
  if (path === null && !existsSync(beside)) return {};
  let module: Readonly<Record<string, unknown>>;
  try {
    module = await import(pathToFileURL(file).href);
  } catch (error) {
    throw new Refusal(`${file} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { resolvers } = module;
  if (typeof resolvers !== 'object' || resolvers === null)
    throw new Refusal(`${file} must export \`resolvers\`, an object.`);
  return resolvers as Resolvers;
}
