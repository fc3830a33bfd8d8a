import { isMap, isSeq, LineCounter, type ParsedNode, parseDocument } from 'yaml';
import { z } from 'zod';
import { exact } from '../schema/cel/conversion.js';
import type { StreamSchema } from '../schema/stream-schema.js';
import { ask, fieldNamed, questionShape, shown } from './explain/question.js';
import { configOf, type Run, type Terminal } from './process/command.js';
import { Refusal } from './process/refusal.js';
import { textIn } from './process/text-file.js';
import { loadSchema } from './settings/load.js';

const usage = 'usage: tailrace test <file.yaml> …';

const shape = z.strictObject({
  ...questionShape,
  allow: z.string().optional(),
  deny: z.string().optional(),
});

interface Case extends z.infer<typeof shape> {
  readonly field: string;
  /** `file:line:column`. */
  readonly place: string;
}

/**
 * Runs tables of cases against the rules of the schema: under each field's name a list of `allow` or `deny` with what
 * is promised in words, and `claims`, `args`, `event`, `record` as in `explain`. Resolves with 0 when all are as they
 * say, 1 when one is not, 2 when a file cannot be understood.
 */
export const testRules: Run = async (files, env, terminal) => {
  try {
    if (files.length === 0) throw new Refusal(usage);
    const config = configOf(env, 'explain');
    const { schema } = loadSchema(config.schema, config);
    const cases = files.flatMap(casesOf);
    const failed = cases.filter((one) => !holds(schema, one, terminal));
    terminal.out(`${cases.length - failed.length} passed, ${failed.length} failed`);
    return failed.length === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    for (const line of error.lines) terminal.err(line);
    return 2;
  }
};

function holds(schema: StreamSchema, one: Case, { out }: Terminal): boolean {
  const { place, allow, deny = '' } = one;
  try {
    const field = fieldNamed(schema, one.field);
    const explanation = ask(schema, field, one);
    if (explanation.delivered === (allow !== undefined)) return true;
    out(`${place} ${one.field}: ${allow === undefined ? 'not denied' : 'not allowed'}: ${allow ?? deny}`);
    for (const line of shown(field, explanation)) out(`  ${line}`);
    return false;
  } catch (error) {
    throw error instanceof Refusal ? new Refusal(...error.lines.map((line) => `${place} ${line}`)) : error;
  }
}

function casesOf(file: string): readonly Case[] {
  const lines = new LineCounter();
  const document = parseDocument(textOf(file), { lineCounter: lines, intAsBigInt: true });
  const at = (offset = 0) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const [fault] = document.errors;
  if (fault) throw new Refusal(`${at(fault.pos[0])} ${fault.message.split('\n')[0]}`);
  if (!isMap(document.contents)) throw new Refusal(`${at()} must have the names of fields, each with a list of cases`);
  // A table that proves nothing must not pass in anybody's CI.
  if (document.contents.items.length === 0) throw new Refusal(`${at()} has no case`);

  return document.contents.items.flatMap(({ key, value }) => {
    const field = String(key);
    if (!isSeq<ParsedNode>(value)) throw new Refusal(`${at(key.range[0])} ${field} must have a list of cases`);
    if (value.items.length === 0) throw new Refusal(`${at(key.range[0])} ${field} has no case`);
    return value.items.map((item): Case => {
      const place = at(item.range[0]);
      const parsed = shape.safeParse(asJson(item.toJS(document)));
      if (!parsed.success) {
        const told = parsed.error.issues.map(({ path, message, code }) => {
          const where = path.length === 0 ? '' : `${path.join('.')}: `;
          const known =
            code === 'unrecognized_keys' && where === '' ? '; there are allow, deny, claims, args, event, record' : '';
          return `${place} ${where}${message}${known}`;
        });
        throw new Refusal(...told);
      }
      const { allow, deny } = parsed.data;
      if ((allow === undefined) === (deny === undefined)) throw new Refusal(`${place} needs either allow or deny`);
      return { ...parsed.data, field, place };
    });
  });
}

/** A value of YAML as JSON would have it: a whole number is a `bigint` only where a double cannot hold it. */
function asJson(value: unknown): unknown {
  if (typeof value === 'bigint') return exact(value);
  if (Array.isArray(value)) return value.map(asJson);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, asJson(one)]));
}

function textOf(file: string): string {
  try {
    return textIn(file);
  } catch (error) {
    throw new Refusal(`${file} cannot be read: ${error instanceof Error ? error.message : ''}`);
  }
}
