import type { GraphQLField } from 'graphql';

/** Where a value lies in another one: keys of objects, and, as numbers, places in lists. */
export type Steps = readonly (string | number)[];

const name = /^[^\s.[\]"'`]+( [^\s.[\]"'`]+)*$/;
const step =
  /(?:^|(?!^)\.)([^\s.[\]"'`]+(?: [^\s.[\]"'`]+)*)|\[(0|[1-9]\d{0,8})\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/sy;

/**
 * `vehicle.position`, `translation[0].text`, `['log.level'].text`: a key that holds more than words stands in brackets and
 * quotes, with a backslash before a quote or a backslash. Null for any other text.
 */
export function parsePath(text: string): Steps | null {
  const steps: (string | number)[] = [];
  for (let at = 0; at < text.length; ) {
    step.lastIndex = at;
    const found = step.exec(text);
    if (found === null) return null;
    const [whole, plain, place, single, double] = found;
    steps.push(plain ?? (place === undefined ? unescaped(single ?? double ?? '') : Number(place)));
    at += whole.length;
  }
  return steps.length === 0 ? null : steps;
}

/** What `parsePath` refuses, as the end of a sentence. */
export const noPath = `is no dotted path such as "vehicle.position", "items[0].id" or "['log.level'].text"`;

/** As `parsePath` reads it. */
export function printPath(steps: Steps): string {
  const printed = steps.map((one) => {
    if (typeof one === 'number') return `[${one}]`;
    return name.test(one) ? `.${one}` : `['${one.replace(/['\\]/g, '\\$&')}']`;
  });
  return printed.join('').replace(/^\./, '');
}

const unescaped = (text: string) => text.replace(/\\(.)/gs, '$1');

/** Where a field's value lies in its parent, in the record's own names: `@from(path)`, else the field's name. */
export function stepsOf(field: GraphQLField<unknown, unknown>): Steps {
  const from = field.extensions.from;
  return Array.isArray(from) ? (from as Steps) : [field.name];
}

/** Undefined when anything on the way is missing. Own properties only: a path never reaches a prototype. */
export function valueAt(source: unknown, path: Steps): unknown {
  let value = source;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) !== (typeof step === 'number'))
      return undefined;
    if (!Object.hasOwn(value, step)) return undefined;
    value = (value as Readonly<Record<string | number, unknown>>)[step];
  }
  return value;
}
