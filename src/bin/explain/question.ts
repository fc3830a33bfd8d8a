import { coerceInputValue, type GraphQLField, isRequiredArgument } from 'graphql';
import { z } from 'zod';
import type { RecordMeta } from '../../event/source-event.js';
import { writeJson } from '../../event/write-json.js';
import { type Explanation, explain, type Part } from '../../schema/explain.js';
import type { StreamField, StreamSchema } from '../../schema/stream-schema.js';
import { exactInput } from '../../schema/whole-numbers.js';
import { Refusal } from '../process/refusal.js';

/** A viewer and an event, as people write them down. No `claims`: a viewer without a token. */
export const questionShape = {
  event: z.unknown().nonoptional('is needed'),
  args: z.record(z.string(), z.unknown()).optional(),
  claims: z.record(z.string(), z.unknown()).nullish(),
  record: z
    .strictObject({
      topic: z.string().optional(),
      partition: z.int().optional(),
      offset: z.int().optional(),
      timestamp: z.int().optional(),
      key: z.string().nullable().optional(),
      headers: z.record(z.string(), z.string()).optional(),
    })
    .optional(),
};
const question = z.object(questionShape);
export type Question = z.infer<typeof question>;

/** Would this viewer get this event of the field? Throws Refusal for arguments that the field does not have. */
export function ask(schema: StreamSchema, field: StreamField, { event, args, claims, record }: Question): Explanation {
  return explain(schema, field, {
    event,
    args: argsOf(schema, field, args ?? {}),
    claims: claims ?? null,
    record: { ...recordOf(field), ...record },
  });
}

/** The field of this name. Throws Refusal when none with `@kafka` is called so. */
export function fieldNamed(schema: StreamSchema, name: string): StreamField {
  const field = schema.fields.get(name);
  if (field !== undefined) return field;
  const known = [...schema.fields.keys()].join(', ');
  throw new Refusal(
    schema.ephemeral.has(name)
      ? `${name} has no @kafka: its resolver decides who gets what.`
      : `There is no subscription field ${JSON.stringify(name)} with @kafka; there are: ${known || 'none'}.`,
  );
}

const recordOf = ({ cluster, topic }: StreamField): RecordMeta => ({
  cluster,
  topic,
  partition: 0,
  offset: 0,
  timestamp: 0,
  key: null,
  headers: {},
});

/** The arguments as GraphQL would hand them over: coerced, with defaults, null where nothing was given. */
function argsOf(schema: StreamSchema, { name }: StreamField, given: Readonly<Record<string, unknown>>) {
  const declared: GraphQLField<unknown, unknown>['args'] =
    schema.graphql.getSubscriptionType()?.getFields()[name]?.args ?? [];
  const faults = Object.keys(given)
    .filter((key) => declared.every((arg) => arg.name !== key))
    .map((key) => `args: ${name} has no argument ${JSON.stringify(key)}`);
  const values = declared.map((arg) => {
    if (!Object.hasOwn(given, arg.name) && isRequiredArgument(arg))
      faults.push(`args: ${name} needs ${JSON.stringify(arg.name)} (${arg.type})`);
    if (!Object.hasOwn(given, arg.name)) return [arg.name, arg.defaultValue ?? null];
    const value: unknown = coerceInputValue(exactInput(given[arg.name], arg.type), arg.type, (path, _, error) => {
      faults.push(`args: ${[arg.name, ...path].join('.')}: ${error.message}`);
    });
    return [arg.name, value ?? null];
  });
  if (faults.length > 0) throw new Refusal(...faults);
  return Object.fromEntries(values) as Readonly<Record<string, unknown>>;
}

/** The answer for people: `allow` or `deny` and why, the rule as a tree of values, the channels on both sides. */
export function shown(
  { topic }: StreamField,
  { delivered, refused, verdict, rule, goesTo, listensTo }: Explanation,
): readonly string[] {
  const heard = goesTo.some(({ channel }) => channel !== null && listensTo.includes(channel));
  const why =
    refused !== null
      ? `${refused.by} refuses this viewer: ${refused.code}, it asks for ${neededBy(refused)}`
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
    `the event goes to (${topic})`,
    ...goesTo.map(
      ({ expression, channel }) =>
        `  ${expression}: ${channel ?? 'nobody, for the value is null, missing or of another type'}`,
    ),
    'the viewer listens to',
    ...(listensTo.length === 0 ? ['  nothing'] : listensTo.map((channel) => `  ${channel}`)),
  ];
}

const neededBy = ({ code, scopes }: NonNullable<Explanation['refused']>): string =>
  code === 'UNAUTHENTICATED'
    ? 'a token (--claims)'
    : `the scopes ${scopes.map((all) => all.join(' and ')).join(', or ')}`;

function tree({ text, value, error, parts }: Part, indent: string): readonly string[] {
  const result = error === null ? written(value) : 'error';
  return [`${indent}${text} → ${result}`, ...parts.flatMap((part) => tree(part, `${indent}  `))];
}

/** A value as JSON; NaN and the infinities by their names, for which JSON has no word. */
const written = (value: unknown): string =>
  value === undefined ? 'missing' : typeof value === 'number' ? String(value) : writeJson(value);
