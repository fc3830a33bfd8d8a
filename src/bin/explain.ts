import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { coerceInputValue, type GraphQLField } from 'graphql';
import { z } from 'zod';
import type { RecordMeta } from '../event/source-event.js';
import { type Explanation, explain as explainCase, type Part } from '../schema/explain.js';
import type { StreamField, StreamSchema } from '../schema/stream-schema.js';
import { configOf, type Print } from './command.js';
import { loadSchema } from './load.js';
import { Refusal } from './refusal.js';

const usage =
  'usage: tailrace explain --field <name> --event <JSON or @file> [--args <JSON>] [--claims <JSON>] [--record <JSON>]';

const options = {
  field: { type: 'string' },
  event: { type: 'string' },
  args: { type: 'string' },
  claims: { type: 'string' },
  record: { type: 'string' },
} as const;

const anyObject = z.record(z.string(), z.unknown());
const anyRecord = z.strictObject({
  topic: z.string().optional(),
  partition: z.int().optional(),
  offset: z.int().optional(),
  timestamp: z.int().optional(),
  key: z.string().nullable().optional(),
  headers: z.record(z.string(), z.string()).optional(),
});

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
  const asked = optionsFrom(words);
  const config = configOf(env, 'explain');
  const { schema } = loadSchema(config.schema, config);
  const field = fieldNamed(schema, asked.field);
  const record: RecordMeta = {
    ...recordOf(field),
    ...(asked.record === undefined ? {} : json('record', asked.record, anyRecord)),
  };
  const explanation = explainCase(schema, field, {
    event: json('event', asked.event, z.unknown()),
    args: argsOf(schema, field, asked.args === undefined ? {} : json('args', asked.args, anyObject)),
    claims: asked.claims === undefined ? null : json('claims', asked.claims, anyObject),
    record,
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

function fieldNamed(schema: StreamSchema, name: string): StreamField {
  const field = schema.fields.get(name);
  if (field !== undefined) return field;
  const known = [...schema.fields.keys()].join(', ');
  throw new Refusal(
    schema.ephemeral.has(name)
      ? `${name} has no @kafka: its resolver decides who gets what.`
      : `There is no subscription field ${JSON.stringify(name)} with @kafka; there are: ${known || 'none'}.`,
  );
}

const recordOf = ({ topic }: StreamField): RecordMeta => ({
  topic,
  partition: 0,
  offset: 0,
  timestamp: 0,
  key: null,
  headers: {},
});

/** JSON, or `@file` with JSON in it. */
function json<T>(name: string, given: string, schema: z.ZodType<T>): T {
  let text = given;
  let value: unknown;
  try {
    if (given.startsWith('@')) text = readFileSync(given.slice(1), 'utf8');
    value = JSON.parse(text);
  } catch (error) {
    throw new Refusal(
      `--${name} must be JSON, or @file with JSON in it: ${error instanceof Error ? error.message : ''}`,
    );
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Refusal(...parsed.error.issues.map(({ path, message }) => `--${[name, ...path].join('.')}: ${message}`));
}

/** As GraphQL would hand them over: coerced, with defaults, null where nothing was given. */
function argsOf(schema: StreamSchema, { name }: StreamField, given: Readonly<Record<string, unknown>>) {
  const declared: GraphQLField<unknown, unknown>['args'] =
    schema.graphql.getSubscriptionType()?.getFields()[name]?.args ?? [];
  const faults = Object.keys(given)
    .filter((key) => declared.every((arg) => arg.name !== key))
    .map((key) => `--args: ${name} has no argument ${JSON.stringify(key)}`);
  const values = declared.map((arg) => {
    if (!Object.hasOwn(given, arg.name)) return [arg.name, arg.defaultValue ?? null];
    const value: unknown = coerceInputValue(given[arg.name], arg.type, (path, _, error) => {
      faults.push(`--args: ${[arg.name, ...path].join('.')}: ${error.message}`);
    });
    return [arg.name, value ?? null];
  });
  if (faults.length > 0) throw new Refusal(...faults);
  return Object.fromEntries(values) as Readonly<Record<string, unknown>>;
}

function shown(
  field: StreamField,
  { delivered, refused, verdict, rule, goesTo, listensTo }: Explanation,
): readonly string[] {
  const heard = goesTo.some(({ channel }) => channel !== null && listensTo.includes(channel));
  const why =
    refused !== null
      ? `${refused.by} refuses this viewer: ${refused.code}`
      : verdict.error !== null
        ? `the rule ends in an error: ${verdict.error}`
        : !verdict.pass
          ? 'the rule is false'
          : heard
            ? rule === null
              ? 'there is no rule'
              : 'the rule is true'
            : 'the event goes to no channel of this viewer';
  return [
    `${delivered ? 'allow' : 'deny'}: ${why}`,
    ...(rule === null ? [] : ['rule', ...tree(rule, '  ')]),
    `the event goes to (${field.topic})`,
    ...goesTo.map(
      ({ expression, channel }) =>
        `  ${expression}: ${channel ?? 'nobody, for the value is null, missing or of another type'}`,
    ),
    'the viewer listens to',
    ...(listensTo.length === 0 ? ['  nothing'] : listensTo.map((channel) => `  ${channel}`)),
  ];
}

function tree({ text, value, error, parts }: Part, indent: string): readonly string[] {
  const result = error === null ? (value === undefined ? 'missing' : JSON.stringify(value)) : 'error';
  return [`${indent}${text} → ${result}`, ...parts.flatMap((part) => tree(part, `${indent}  `))];
}
