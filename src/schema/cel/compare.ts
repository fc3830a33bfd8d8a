import type { ASTNode } from '@marcbachmann/cel-js';
import { convert, type Primitive, valueKind } from './conversion.js';
import {
  computed,
  type Expr,
  Failure,
  failureOf,
  faulty,
  isNullLiteral,
  type Run,
  type Scope,
  textOf,
} from './expression.js';
import { type Meeting, meet } from './meet.js';
import { bool, describe, dyn } from './types.js';

/**
 * `==`, `!=` and the orders. A side that is missing, null or of another type is an error, not false: otherwise
 * `event.author != claims.enemy` would let everything pass for a viewer without that claim.
 * Only the literal `null` tests for null, and a missing field equals it.
 */
export function compileComparison(node: ASTNode, left: Expr, right: Expr, scope: Scope): Expr {
  const operands = [left, right];
  const equality = node.op === '==' || node.op === '!=';
  if (isNullLiteral(left) || isNullLiteral(right)) {
    if (!equality) return faulty(node, scope, `null has no order: only == and != test for it`, operands);
    return computed(node, bool, operands, nullTest(isNullLiteral(left) ? right : left, node.op === '=='));
  }
  const meeting = meet(node, left, right, scope);
  if (meeting === null) return computed(node, bool, operands, () => false);
  const failure = new Failure(`${textOf(node)}: a side is null, missing, or of another type`);
  const { conversion } = meeting;
  if (!equality) return { ...computed(node, bool, operands, order(node, left, right, meeting, failure)), conversion };
  const run =
    conversion === null
      ? plainEquality(left, right, node.op === '==', failure)
      : equal(left, right, meeting, node.op === '==', failure);
  return { ...computed(node, bool, operands, run), conversion };
}

/**
 * `x in list`: true when an element equals x; otherwise an error when x or an element could not be compared, or when
 * there is no list. `!(event.author in claims.blocked)` so denies a viewer whose claim is missing. A map is asked for a key.
 */
export function compileMembership(node: ASTNode, left: Expr, right: Expr, scope: Scope): Expr {
  const operands = [left, right];
  const misplaced = [left, ...(right.node.op === 'list' ? right.operands : [])].find(isNullLiteral);
  if (misplaced !== undefined) return faulty(misplaced.node, scope, 'null can be tested with == and != only', operands);
  const { type } = right;
  if (type.kind !== 'list' && type.kind !== 'map' && type.kind !== 'dyn')
    return faulty(
      right.node,
      scope,
      `\`in\` needs a list, and \`${textOf(right.node)}\` is ${describe(type)}`,
      operands,
    );
  const failure = new Failure(
    `${textOf(node)}: a side is null or missing, an element cannot be compared, or there is no list`,
  );
  if (type.kind === 'map') {
    return computed(node, bool, operands, (event, args, claims, record) => {
      const key = left.run(event, args, claims, record);
      const map = right.run(event, args, claims, record);
      return typeof key === 'string' && isMap(map) ? Object.hasOwn(map, key) : failureOf(failure, key, map);
    });
  }
  const element: Expr = { ...right, type: type.kind === 'list' ? type.of : dyn, path: null };
  const meeting = meet(node, left, element, scope);
  if (meeting === null) return computed(node, bool, operands, () => false);
  const { conversion } = meeting;
  const run = conversion === null ? plainMembership(left, right, failure) : membership(left, right, meeting, failure);
  return { ...computed(node, bool, operands, run), conversion };
}

function nullTest(tested: Expr, expected: boolean): Run {
  return (event, args, claims, record) => {
    const value = tested.run(event, args, claims, record);
    if (value instanceof Failure) return value;
    return (value === null || value === undefined) === expected;
  };
}

function equal(left: Expr, right: Expr, { conversion }: Meeting, expected: boolean, failure: Failure): Run {
  const to = convert[conversion ?? 'any'];
  const strict = conversion === 'any';
  const a = left.run;
  const b = right.run;
  return (event, args, claims, record) => {
    const first = a(event, args, claims, record);
    const second = b(event, args, claims, record);
    const one = to(first);
    const other = to(second);
    if (one === undefined || other === undefined) return failureOf(failure, first, second);
    if (strict && valueKind(one) !== valueKind(other)) return failure;
    return (one === other) === expected;
  };
}

function order(node: ASTNode, left: Expr, right: Expr, { conversion }: Meeting, failure: Failure): Run {
  const to = convert[conversion ?? 'any'];
  const holds = orders[node.op as keyof typeof orders];
  return (event, args, claims, record) => {
    const first = left.run(event, args, claims, record);
    const second = right.run(event, args, claims, record);
    const one = to(first);
    const other = to(second);
    if (one === undefined || valueKind(one) !== valueKind(other)) return failureOf(failure, first, second);
    return holds(one, other as Primitive);
  };
}

const orders = {
  '<': (a: Primitive, b: Primitive) => a < b,
  '<=': (a: Primitive, b: Primitive) => a <= b,
  '>': (a: Primitive, b: Primitive) => a > b,
  '>=': (a: Primitive, b: Primitive) => a >= b,
};

function membership(left: Expr, right: Expr, { conversion }: Meeting, failure: Failure): Run {
  const to = convert[conversion ?? 'any'];
  return (event, args, claims, record) => {
    const sought = left.run(event, args, claims, record);
    const list = right.run(event, args, claims, record);
    const value = to(sought);
    if (value === undefined || !Array.isArray(list)) return failureOf(failure, sought, list);
    let unknown = false;
    for (const item of list) {
      const element = to(item);
      if (element === value) return true;
      unknown ||= valueKind(element) !== valueKind(value);
    }
    return unknown ? failure : false;
  };
}

/** Without a schema type in sight (claims with claims, literals): CEL's own equality, by structure. */
function plainEquality(left: Expr, right: Expr, expected: boolean, failure: Failure): Run {
  return (event, args, claims, record) => {
    const first = left.run(event, args, claims, record);
    const second = right.run(event, args, claims, record);
    if (!isValue(first) || !isValue(second)) return failureOf(failure, first, second);
    return deepEqual(first, second) === expected;
  };
}

function plainMembership(left: Expr, right: Expr, failure: Failure): Run {
  return (event, args, claims, record) => {
    const value = left.run(event, args, claims, record);
    const list = right.run(event, args, claims, record);
    if (!isValue(value) || !Array.isArray(list)) return failureOf(failure, value, list);
    if (list.some((element) => deepEqual(element, value))) return true;
    return list.every(isValue) ? false : failure;
  };
}

const isValue = (value: unknown) => value !== null && value !== undefined && !(value instanceof Failure);

export const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Failure);

function deepEqual(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => deepEqual(item, b[index]));
  if (isMap(a) && isMap(b)) {
    const keys = Object.keys(a);
    return (
      keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && deepEqual(a[key], b[key]))
    );
  }
  // A literal of 2^53 is a bigint, and the double of that size is the same number.
  return a === b || (valueKind(a) === 'number' && valueKind(b) === 'number' && convert.any(a) === convert.any(b));
}
