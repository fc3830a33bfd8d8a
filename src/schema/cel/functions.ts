import type { ASTNode } from '@marcbachmann/cel-js';
import { readJson } from '../../event/read-json.js';
import { didYouMean } from '../suggest.js';
import { isMap } from './compare.js';
import { convert, valueKind } from './conversion.js';
import { computed, type Expr, Failure, faulty, isNullLiteral, type Run, type Scope, textOf } from './expression.js';
import { compilePattern, maxMatchedLength } from './pattern.js';
import { bool, describe, double, dyn, int, string, type Type } from './types.js';

/** Gives undefined where CEL has an error. A null is a value. */
type Apply = (...values: readonly unknown[]) => unknown;

interface CelFunction {
  /** `size(x)`, `x.size()`, or both. */
  readonly style: 'call' | 'method' | 'both';
  /** What each operand may be, the receiver first. */
  readonly takes: readonly (readonly Type['kind'][])[];
  readonly gives: Type;
  readonly apply: Apply;
  /** The function costs enough to be asked once for the same operand: one rule is judged for many viewers. */
  readonly costly?: boolean;
}

const text: readonly Type['kind'][] = ['string', 'id', 'enum'];
const number: readonly Type['kind'][] = ['int', 'double'];

const onTexts =
  (apply: (a: string, b: string) => unknown): Apply =>
  (a, b = '') =>
    typeof a === 'string' && typeof b === 'string' ? apply(a, b) : undefined;

const functions: ReadonlyMap<string, CelFunction> = new Map<string, CelFunction>([
  ['size', { style: 'both', takes: [[...text, 'list', 'map']], gives: int, apply: size }],
  ['startsWith', { style: 'method', takes: [text, text], gives: bool, apply: onTexts((a, b) => a.startsWith(b)) }],
  ['endsWith', { style: 'method', takes: [text, text], gives: bool, apply: onTexts((a, b) => a.endsWith(b)) }],
  ['contains', { style: 'method', takes: [text, text], gives: bool, apply: onTexts((a, b) => a.includes(b)) }],
  [
    'lowerAscii',
    {
      style: 'method',
      takes: [text],
      gives: string,
      apply: onTexts((a) => a.replace(/[A-Z]+/g, (x) => x.toLowerCase())),
    },
  ],
  [
    'upperAscii',
    {
      style: 'method',
      takes: [text],
      gives: string,
      apply: onTexts((a) => a.replace(/[a-z]+/g, (x) => x.toUpperCase())),
    },
  ],
  ['trim', { style: 'method', takes: [text], gives: string, apply: onTexts((a) => a.trim()) }],
  ['int', { style: 'call', takes: [[...number, ...text]], gives: int, apply: toInt }],
  ['double', { style: 'call', takes: [[...number, ...text]], gives: double, apply: toDouble }],
  ['string', { style: 'call', takes: [[...number, ...text, 'bool']], gives: string, apply: toText }],
  ['bool', { style: 'call', takes: [[...text, 'bool']], gives: bool, apply: toBool }],
  [
    'dyn',
    {
      style: 'call',
      takes: [[...number, ...text, 'bool', 'list', 'map', 'object', 'null']],
      gives: dyn,
      apply: (value) => value,
    },
  ],
  ['json', { style: 'call', takes: [text], gives: dyn, apply: toJson, costly: true }],
]);

/** `name(a, b)` and `a.name(b)`. What is not in the table is refused: a function that is ignored would let events pass. */
export function compileCall(node: ASTNode, name: string, operands: readonly Expr[], scope: Scope): Expr {
  const isMethod = node.op === 'rcall';
  if (name === 'has' && !isMethod) return compileHas(node, operands, scope);
  if (name === 'matches' && isMethod) return compileMatches(node, operands, scope);
  const known = functions.get(name);
  if (known === undefined || (known.style !== 'both' && (known.style === 'method') !== isMethod)) {
    const names = [...functions.keys(), 'has', 'matches', 'exists', 'all', 'exists_one', 'filter', 'map'];
    return faulty(
      node,
      scope,
      `the function ${isMethod ? `x.${name}()` : `${name}()`} is unknown here${didYouMean(name, names)}`,
      operands,
    );
  }
  if (operands.length !== known.takes.length)
    return faulty(node, scope, `${name}() takes ${known.takes.length - (isMethod ? 1 : 0)} argument(s)`, operands);
  for (const [index, operand] of operands.entries())
    if (operand.type.kind !== 'dyn' && known.takes[index]?.includes(operand.type.kind) !== true)
      return faulty(operand.node, scope, `${name}() does not take ${describe(operand.type)}`, operands);
  const apply = known.costly === true ? rememberingLast(known.apply) : known.apply;
  return computed(node, known.gives, operands, applied(node, operands, apply));
}

function applied(node: ASTNode, operands: readonly Expr[], apply: Apply): Run {
  const failure = new Failure(`${textOf(node)}: an operand is null, missing, or nothing that it takes`);
  const values = operands.map(
    ({ type, run }): Run =>
      type.kind !== 'id' ? run : (event, args, claims, record) => convert.text(run(event, args, claims, record)),
  );
  const [first, second] = values;
  return (event, args, claims, record) => {
    const a = first?.(event, args, claims, record);
    if (a instanceof Failure) return a;
    const b = second?.(event, args, claims, record);
    if (b instanceof Failure) return b;
    const value = second === undefined ? apply(a) : b === undefined ? undefined : apply(a, b);
    return value === undefined ? failure : value;
  };
}

function rememberingLast(apply: Apply): Apply {
  let last: { readonly of: unknown; readonly value: unknown } | null = null;
  return (operand) => {
    if (last === null || last.of !== operand) last = { of: operand, value: apply(operand) };
    return last.value;
  };
}

/** True when a field is there and not null: a missing field and null are the same here. */
function compileHas(node: ASTNode, operands: readonly Expr[], scope: Scope): Expr {
  const [operand] = operands;
  if (operand === undefined || operands.length !== 1 || (operand.node.op !== '.' && operand.node.op !== '[]'))
    return faulty(node, scope, 'has() takes one field, such as has(event.author)', operands);
  return computed(node, bool, operands, (event, args, claims, record) => {
    const value = operand.run(event, args, claims, record);
    return value instanceof Failure ? value : value !== null && value !== undefined;
  });
}

/** The pattern is a literal, so that `check` can refuse one that takes for ever, and no user ever chooses it. */
function compileMatches(node: ASTNode, operands: readonly Expr[], scope: Scope): Expr {
  const [subject, pattern] = operands;
  if (
    subject === undefined ||
    pattern === undefined ||
    operands.length !== 2 ||
    pattern.node.op !== 'value' ||
    typeof pattern.node.args !== 'string'
  )
    return faulty(node, scope, 'matches() takes one pattern, written as a literal', operands);
  if (isNullLiteral(subject) || (subject.type.kind !== 'dyn' && !text.includes(subject.type.kind)))
    return faulty(subject.node, scope, `matches() does not take ${describe(subject.type)}`, operands);
  const { expression, why } = compilePattern(pattern.node.args);
  if (expression === null) return faulty(pattern.node, scope, why, operands);
  const matches: Apply = (value) =>
    typeof value === 'string' && value.length <= maxMatchedLength ? expression.test(value) : undefined;
  return computed(node, bool, operands, applied(node, [subject], matches));
}

function size(value: unknown): number | undefined {
  if (Array.isArray(value)) return value.length;
  if (isMap(value)) return Object.keys(value).length;
  if (typeof value !== 'string') return undefined;
  let points = 0;
  for (const _ of value) points++;
  return points;
}

function toInt(value: unknown): unknown {
  return convert.int(typeof value === 'number' ? Math.trunc(value) : value);
}

function toDouble(value: unknown): unknown {
  return convert.float(value);
}

function toText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return ['number', 'boolean'].includes(valueKind(value)) ? String(value) : undefined;
}

function toBool(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (['true', 'True', 'TRUE', 't', '1'].includes(value as string)) return true;
  return ['false', 'False', 'FALSE', 'f', '0'].includes(value as string) ? false : undefined;
}

function toJson(value: unknown): unknown {
  if (typeof value !== 'string') return undefined;
  try {
    return readJson(value);
  } catch {
    return undefined;
  }
}
