/** JSON.stringify, with each `bigint` as the literal that it was. Throws RangeError for what is nested without end. */
export const writeJson = (value: unknown): string =>
  holds(value, isBigInt) ? written(value, '', 'null') : JSON.stringify(value);

/**
 * JSON that reads as the same value again: a number beyond every double, which JSON.stringify would make null, is
 * written as a literal beyond every double.
 */
export const writeSame = (value: unknown): string =>
  holds(value, (one) => isBigInt(one) || isInfinite(one)) ? written(value, '', '1e999') : JSON.stringify(value);

/** JSON for clients: the digits of a `bigint` as text, since the JSON.parse of a browser would round the number. */
export const writeForClients = (value: unknown): string =>
  holds(value, isBigInt) ? JSON.stringify(value, bigIntAsText) : JSON.stringify(value);

/** The replacer of `writeForClients`, for a library that calls JSON.stringify itself. */
export const bigIntAsText = (_: string, value: unknown): unknown => (isBigInt(value) ? String(value) : value);

const isBigInt = (value: unknown) => typeof value === 'bigint';
const isInfinite = (value: unknown) => value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY;

/** As JSON.stringify has it, undefined where that leaves a member out. */
function written(value: unknown, key: string, beyond: 'null' | '1e999'): string {
  if (isBigInt(value)) return String(value);
  if (isInfinite(value) && beyond !== 'null') return (value as number) < 0 ? `-${beyond}` : beyond;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const { toJSON } = value as { readonly toJSON?: unknown };
  if (typeof toJSON === 'function') return written(toJSON.call(value, key), key, beyond);
  if (Array.isArray(value)) return `[${value.map((one, at) => written(one, String(at), beyond) ?? 'null').join()}]`;
  const members = Object.entries(value).flatMap(([name, one]) => {
    const text: string | undefined = written(one, name, beyond);
    return text === undefined ? [] : [`${JSON.stringify(name)}:${text}`];
  });
  return `{${members.join()}}`;
}

/** Whether any value within it is such a one: asked first, since a replacer or a `written` costs many times as much. */
function holds(value: unknown, isSuch: (one: unknown) => boolean): boolean {
  if (typeof value !== 'object' || value === null) return isSuch(value);
  if (Array.isArray(value)) return value.some((one) => holds(one, isSuch));
  for (const name of Object.keys(value))
    if (holds((value as Readonly<Record<string, unknown>>)[name], isSuch)) return true;
  return false;
}

export const holdsBigInt = (value: unknown): boolean => holds(value, isBigInt);
export const holdsInfinity = (value: unknown): boolean => holds(value, isInfinite);
