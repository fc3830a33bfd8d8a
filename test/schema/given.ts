import type { RecordMeta } from '../../src/event/source-event.js';
import { compileSchema, type Problem } from '../../src/schema/compile.js';
import type { StreamField, StreamSchema } from '../../src/schema/stream-schema.js';

export const retention = { retain: 600_000, max: 1000 };

/** The schema of a text that is expected to have no fault. */
export function compiled(sdl: string): StreamSchema {
  const { schema, problems } = compileSchema(sdl, { retention });
  if (schema === null)
    throw new Error(problems.map(({ line, column, message }) => `${line}:${column} ${message}`).join('\n'));
  return schema;
}

/** Problems as `line:column message`, warnings marked. */
export function problemsOf(sdl: string): readonly string[] {
  const shown = ({ severity, line, column, message }: Problem) =>
    `${line}:${column} ${severity === 'warning' ? 'warning: ' : ''}${message}`;
  return compileSchema(sdl, { retention }).problems.map(shown);
}

export const faultsOf = (sdl: string) => problemsOf(sdl).filter((problem) => !problem.includes(' warning: '));

const args = 'id: ID, n: Int, f: Float, s: String, b: Boolean, color: Color, ids: [ID!], filter: Filter';

/** A schema of one field with this rule, over an event that has a field of each type. */
export function schemaWith(rule: string | null, access = '@public'): string {
  const where = rule === null ? '' : `@where(rule: ${JSON.stringify(rule)})`;
  return `
    type Subscription { event(${args}): Event! @kafka(topic: "events") ${where} ${access} }
    type Event {
      id: ID  other: ID  n: Int  m: Int  f: Float  s: String  t: String  b: Boolean  color: Color  any: Any
      tags: [String]  ids: [ID]  items: [Item]  owner: Owner
      city: String @from(path: "address.city.name")
    }
    type Item { id: ID  price: Float }
    type Owner { id: ID  name: String }
    input Filter { id: ID  n: Int }
    enum Color { RED GREEN }
    scalar Any
  `;
}

export function fieldWith(rule: string | null): StreamField {
  const field = compiled(schemaWith(rule)).fields.get('event');
  if (field === undefined) throw new Error('the field is missing');
  return field;
}

/** Every declared argument, null when not given. */
export function argsWith(given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return { id: null, n: null, f: null, s: null, b: null, color: null, ids: null, filter: null, ...given };
}

export const record: RecordMeta = {
  cluster: 'default',
  topic: 'events',
  partition: 3,
  offset: 7,
  timestamp: 1000,
  key: 'k',
  headers: { kind: 'x' },
};

export type Outcome = 'allow' | 'deny' | 'error';

export function judge(
  field: StreamField,
  {
    event = {},
    args = {},
    claims = {},
  }: { event?: unknown; args?: Record<string, unknown>; claims?: Record<string, unknown> },
): Outcome {
  const { pass, error } = field.permit(event, argsWith(args), claims, record);
  return pass ? 'allow' : error === null ? 'deny' : 'error';
}
