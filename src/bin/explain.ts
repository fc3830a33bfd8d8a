import { parseArgs } from 'node:util';
import type { z } from 'zod';
import { readJson } from '../event/read-json.js';
import { ask, fieldNamed, questionShape, shown } from './explain/question.js';
import { configOf, type Print } from './process/command.js';
import { Refusal } from './process/refusal.js';
import { textIn } from './process/text-file.js';
import { loadSchema } from './settings/load.js';

const usage =
  'usage: tailrace explain --field <name> --event <JSON or @file> [--args <JSON>] [--claims <JSON>] [--record <JSON>]';

const options = {
  field: { type: 'string' },
  event: { type: 'string' },
  args: { type: 'string' },
  claims: { type: 'string' },
  record: { type: 'string' },
} as const;

/**
 * Would this viewer get this event, and why (not)? Without `--claims` the viewer has no token.
 * Gives the exit code: 0 the viewer gets it, 1 not, 2 the question has a fault.
 */
export function explain(args: readonly string[], env: NodeJS.ProcessEnv, print: Print): number {
  try {
    return answer(args, env, print);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    for (const line of error.lines) print(line);
    return 2;
  }
}

function answer(words: readonly string[], env: NodeJS.ProcessEnv, print: Print): number {
  const { field: name, ...given } = optionsFrom(words);
  const config = configOf(env, 'explain');
  const { schema } = loadSchema(config.schema, config);
  const field = fieldNamed(schema, name);
  const explanation = ask(schema, field, {
    event: json('event', given.event, questionShape.event),
    args: json('args', given.args, questionShape.args),
    claims: json('claims', given.claims, questionShape.claims),
    record: json('record', given.record, questionShape.record),
  });
  for (const line of shown(field, explanation)) print(line);
  return explanation.delivered ? 0 : 1;
}

function optionsFrom(words: readonly string[]) {
  try {
    const { values } = parseArgs({ args: [...words], options });
    const { field, event } = values;
    if (field === undefined || event === undefined) throw new Refusal(usage);
    return { ...values, field, event };
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal(error instanceof Error ? error.message : String(error), usage);
  }
}

/** JSON, or `@file` with JSON in it. */
function json<T>(name: string, given: string | undefined, schema: z.ZodType<T>): T | undefined {
  if (given === undefined) return undefined;
  let text = given;
  let value: unknown;
  try {
    if (given.startsWith('@')) text = textIn(given.slice(1));
    value = readJson(text);
  } catch (error) {
    throw new Refusal(
      `--${name} must be JSON, or @file with JSON in it: ${error instanceof Error ? error.message : ''}`,
    );
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Refusal(...parsed.error.issues.map(({ path, message }) => `--${[name, ...path].join('.')}: ${message}`));
}
