import type { AskedField } from './audit.js';
import { secrets } from './pino.js';

/** What a line tells of arguments: their values, the names of those that were given, or nothing. */
export type ArgumentsTold = 'on' | 'names' | 'off';

/** Characters of all arguments of a line: clients choose values, and none may fill the log. */
const longest = 2_000;

type Args = AskedField['args'];

/** The arguments of one field; `cut` where their values would be too long. */
export function argumentsOf(args: Args, told: ArgumentsTold): object {
  const [{ field: _, ...only } = {}] = fieldsOf([{ field: '', args }], told).fields;
  return only;
}

/** Root fields with their arguments; `cut` where the values of all together would be too long. */
export function fieldsOf(fields: readonly AskedField[], told: ArgumentsTold): { fields: readonly FieldTold[] } {
  const named = fields.map(({ field, args }) => (told === 'off' ? { field } : { field, arguments: namesOf(args) }));
  if (told !== 'on') return { fields: named };
  const valued = fields.map(({ field, args }) => ({ field, arguments: valuesOf(args) }));
  const isLong = JSON.stringify(valued).length > longest;
  return { fields: isLong ? named.map((one) => ({ ...one, cut: true })) : valued };
}

interface FieldTold {
  readonly field: string;
  readonly arguments?: unknown;
  readonly cut?: true;
}

const namesOf = (args: Args): readonly string[] => Object.keys(args).filter((name) => args[name] !== null);

/**
 * As JSON has them, without those that are named as secrets, at any depth. A scalar of the schema may be parsed into
 * anything: what JSON cannot say is told by its kind, since an operation must not fail for its line.
 */
function valuesOf(args: Args): unknown {
  try {
    return JSON.parse(JSON.stringify(Object.fromEntries(namesOf(args).map((name) => [name, args[name]])), shown));
  } catch {
    return '[not JSON]';
  }
}

const shown = (name: string, value: unknown): unknown => {
  if (secrets.includes(name.toLowerCase())) return '[secret]';
  return typeof value === 'bigint' ? String(value) : value;
};
