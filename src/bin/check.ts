import { parseArgs } from 'node:util';
import { readConfig } from '../config/read.js';
import { defaultOf } from '../config/variables.js';
import { compileSchema } from '../schema/compile.js';
import type { StreamField, StreamSchema } from '../schema/stream-schema.js';
import type { Print } from './process/command.js';
import { textIn } from './process/text-file.js';

/** The retention by which a schema is checked when the configuration has a fault of its own. */
const anyRetention = { retain: defaultOf('historyRetain'), max: defaultOf('historyMax') };

/**
 * `tailrace check [schema.graphql]`: prints every fault of the schema as `file:line:column message` and every fault
 * of the configuration; of a good schema, each field's routes and appends. Needs no services.
 * Gives the exit code: 0 good (warnings allowed), 1 refused, 2 not understood.
 */
export function check(args: readonly string[], env: NodeJS.ProcessEnv, print: Print): number {
  const given = fileFrom(args);
  if (given === null) {
    print('usage: tailrace check [schema.graphql]');
    return 2;
  }
  const configured = readConfig(env, 'check');
  const faults = 'faults' in configured ? configured.faults : [];
  for (const fault of faults) print(fault);
  const config = 'config' in configured ? configured.config : null;
  const file = given ?? (env.TAILRACE_SCHEMA || './schema.graphql');
  let sdl: string;
  try {
    sdl = textIn(file);
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'it cannot be read';
    print(`There is no schema at ${file} (${why}): TAILRACE_SCHEMA says where it is.`);
    return 1;
  }
  const retention = config === null ? anyRetention : { retain: config.historyRetain, max: config.historyMax };
  const { schema, problems } = compileSchema(sdl, { file, retention });
  for (const { line, column, severity, message } of problems)
    print(`${file}:${line}:${column} ${severity === 'warning' ? 'warning: ' : ''}${message}`);
  if (schema === null) return 1;
  for (const line of summary(schema)) print(line);
  return faults.length > 0 ? 1 : 0;
}

/** The file that is named: undefined without one, null when the arguments are not understood. */
function fileFrom(args: readonly string[]): string | undefined | null {
  try {
    const { positionals } = parseArgs({ args: [...args], allowPositionals: true });
    return positionals.length > 1 ? null : positionals[0];
  } catch {
    return null;
  }
}

/** What the relay will do for each field. */
function summary(schema: StreamSchema): readonly string[] {
  const fields = [...schema.fields.values()].flatMap((field) => [
    `${field.name} ← ${field.topic}: ${appends(schema, field)}, kept ${shownDuration(field.retention.retain)} and ${field.retention.max} events a channel`,
    ...field.routes.map(({ expression, id }) => `  ${expression === '*' ? 'everything' : `by ${expression}`} (${id})`),
  ]);
  const others = [...schema.ephemeral].map((field) => `${field}: ephemeral, by a resolver`);
  return [...fields, ...others];
}

function appends(schema: StreamSchema, { name, routes }: StreamField): string {
  const directives = schema.whole.getSubscriptionType()?.getFields()[name]?.astNode?.directives ?? [];
  const cuts = directives.some(({ arguments: given }) => given?.some(({ name: { value } }) => value === 'each'));
  const count = routes.length === 1 ? '1 append' : `up to ${routes.length} appends`;
  return `${count} per ${cuts ? 'element of a record' : 'record'}`;
}

function shownDuration(milliseconds: number): string {
  for (const [unit, size] of [
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const)
    if (milliseconds % size === 0) return `${milliseconds / size}${unit}`;
  return `${milliseconds}ms`;
}
