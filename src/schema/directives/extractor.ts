import { compileCel } from '../cel/cel.js';
import { type Expr, Failure, textOf } from '../cel/expression.js';
import { describe, recordWithValue } from '../cel/types.js';
import type { Say } from '../problem.js';
import { ExtractError, type Extractor } from '../stream-schema.js';

/** How events are taken out of a record. Fields with the same `key` share one extractor. */
export interface ExtractorDraft extends Pick<Extractor, 'verbatim' | 'extract'> {
  readonly key: string;
}

const wholeValue = 'record.value';

/** `pick` or `each` (not both) as CEL over `record`, whose `value` is the decoded value; null after a fault. */
export function compileExtractor(kind: 'pick' | 'each', text: string, say: Say): ExtractorDraft | null {
  const record = {
    type: recordWithValue,
    origin: 'record',
    root: 'record',
    run: (_: unknown, __: unknown, ___: unknown, record: unknown) => record,
  } as const;
  const expr = compileCel(text, new Map([['record', record]]), say);
  if (expr === null) return null;
  if (kind === 'each' && expr.type.kind !== 'list' && expr.type.kind !== 'dyn') {
    say.fault(expr.node.start, `each needs a list, and this is ${describe(expr.type)}`);
    return null;
  }
  const normal = textOf(expr.node);
  const verbatim = kind === 'pick' && normal === wholeValue;
  const key = JSON.stringify([kind === 'pick' ? normal : null, kind === 'each' ? normal : null]);
  if (verbatim) return { verbatim, key, extract: (_, value) => (value === null ? [] : [value]) };
  return { verbatim, key, extract: kind === 'pick' ? picking(expr) : cutting(expr) };
}

export const verbatimKey = JSON.stringify([wholeValue, null]);

/** The record's own value. */
export const verbatimExtractor: ExtractorDraft = {
  verbatim: true,
  key: verbatimKey,
  extract: (_, value) => (value === null ? [] : [value]),
};

/** A null is no event; a path that leads nowhere is an error, or a misspelt one would swallow the topic in silence. */
function picking(expr: Expr): Extractor['extract'] {
  return (record, value) => {
    const picked = expr.run(undefined, undefined, undefined, { ...record, value });
    if (picked instanceof Failure) throw new ExtractError(`pick: ${picked.message}`);
    if (picked === undefined) throw new ExtractError(`pick: ${textOf(expr.node)} is missing in the record`);
    return picked === null ? [] : [picked];
  };
}

/** Null elements stay: an event's index is its coordinate. Their routes give them to nobody. */
function cutting(expr: Expr): Extractor['extract'] {
  return (record, value) => {
    const list = expr.run(undefined, undefined, undefined, { ...record, value });
    if (list instanceof Failure) throw new ExtractError(`each: ${list.message}`);
    if (!Array.isArray(list)) throw new ExtractError(`each: ${textOf(expr.node)} is no list`);
    return list as readonly unknown[];
  };
}
