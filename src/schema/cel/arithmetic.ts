import type { ASTNode } from '@marcbachmann/cel-js';
import { convert, exact } from './conversion.js';
import { computed, type Expr, Failure, failureOf, faulty, type Run, type Scope, textOf } from './expression.js';
import { describe, double, dyn, int, listOf, string, type Type } from './types.js';

/**
 * `+ - * / %`. JavaScript has one kind of number, so what CEL does with integers alone (7 / 2 is 3) is decided by
 * the types; where those are not known, `check` asks for `int(…)` or `double(…)` instead of guessing.
 * Whole numbers stay exact: a result beyond 64 bits is an error, as is a division by zero.
 */
export function compileArithmetic(node: ASTNode, left: Expr, right: Expr, scope: Scope): Expr {
  const operands = [left, right];
  const types = [left.type, right.type];
  const isInt = types.every(({ kind }) => kind === 'int');
  const isDouble = types.some(({ kind }) => kind === 'double');
  const unfit = operands.find(({ type }) => !fits(node.op, type));
  const mixed = new Set(types.filter(({ kind }) => kind !== 'dyn').map(sort)).size > 1;
  if (unfit !== undefined || mixed)
    return faulty(
      node,
      scope,
      `\`${node.op}\` does not take ${describe(left.type)} and ${describe(right.type)}`,
      operands,
    );
  if (node.op === '/' && !isInt && !isDouble)
    return faulty(
      node,
      scope,
      `\`/\` of numbers of unknown type: say int(…) or double(…), for 7 / 2 is 3 and 7.0 / 2 is 3.5`,
      operands,
    );
  if (node.op === '%' && isDouble) return faulty(node, scope, '`%` takes whole numbers', operands);
  const divides = node.op === '/' || node.op === '%';
  const failure = new Failure(
    `${textOf(node)}: a side is null, missing or of another type, or the result has no value`,
  );
  const byZero = new Failure(`${textOf(node)}: division by zero`);
  const run: Run = (event, args, claims, record) => {
    const a = left.run(event, args, claims, record);
    const b = right.run(event, args, claims, record);
    if (isNumber(a) && isNumber(b))
      return calculate(node.op, a, b, isDouble) ?? (divides && b === 0 ? byZero : failure);
    if (node.op !== '+') return failureOf(failure, a, b);
    if (Array.isArray(a) && Array.isArray(b)) return [...(a as unknown[]), ...(b as unknown[])];
    const first = left.type.kind === 'id' ? convert.text(a) : a;
    const second = right.type.kind === 'id' ? convert.text(b) : b;
    return typeof first === 'string' && typeof second === 'string' ? first + second : failureOf(failure, a, b);
  };
  const known = types.find(({ kind }) => kind !== 'dyn') ?? dyn;
  const type = isDouble
    ? double
    : isInt
      ? int
      : sort(known) === 'text'
        ? string
        : sort(known) === 'list'
          ? listOf(dyn)
          : dyn;
  return computed(node, type, operands, run);
}

export function compileNegation(node: ASTNode, operand: Expr, scope: Scope): Expr {
  if (sort(operand.type) !== 'number' && operand.type.kind !== 'dyn')
    return faulty(node, scope, `\`-\` does not take ${describe(operand.type)}`, [operand]);
  const failure = new Failure(`${textOf(node)}: there is no number`);
  const run: Run = (event, args, claims, record) => {
    const value = operand.run(event, args, claims, record);
    if (typeof value === 'bigint') return exact(-value);
    return typeof value === 'number' ? 0 - value : value instanceof Failure ? value : failure;
  };
  const expr = computed(node, operand.type, [operand], run);
  return operand.origin === 'literal' ? { ...expr, origin: 'literal' } : expr;
}

const isNumber = (value: unknown): value is number | bigint => typeof value === 'number' || typeof value === 'bigint';
const isWhole = (value: number | bigint) => typeof value === 'bigint' || Number.isSafeInteger(value);

/** Undefined where there is no result. */
function calculate(
  operator: string,
  a: number | bigint,
  b: number | bigint,
  isDouble: boolean,
): number | bigint | undefined {
  if (isDouble || !isWhole(a) || !isWhole(b)) return ofDoubles(operator, Number(a), Number(b), isDouble);
  if ((operator === '/' || operator === '%') && Number(b) === 0) return undefined;
  const quick = typeof a === 'number' && typeof b === 'number' ? ofDoubles(operator, a, b, false) : undefined;
  // A result that left the exact range has lost its last digits.
  return Number.isSafeInteger(quick) ? quick : ofWholes(operator, BigInt(a), BigInt(b));
}

function ofDoubles(operator: string, a: number, b: number, isDouble: boolean): number | undefined {
  if (operator === '/' && b === 0) return undefined;
  if (operator === '%' && !(isWhole(a) && isWhole(b))) return undefined;
  const result = operated(operator, a, b);
  if (Number.isNaN(result)) return undefined;
  return (operator === '/' && !isDouble ? Math.trunc(result) : result) + 0;
}

function ofWholes(operator: string, a: bigint, b: bigint): number | bigint | undefined {
  const result = operated(operator, a, b);
  return result < least || result > most ? undefined : exact(result);
}

const least = -(2n ** 63n);
const most = 2n ** 63n - 1n;

/** JavaScript divides bigints as CEL divides whole numbers: 7 / 2 is 3. Both sides are of one kind, which types cannot say. */
function operated<N extends number | bigint>(operator: string, one: N, other: N): N {
  return ofOneKind(operator, one as number, other as number) as N;
}

function ofOneKind(operator: string, a: number, b: number): number {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    default:
      return a % b;
  }
}

function sort(type: Type): string {
  if (type.kind === 'int' || type.kind === 'double') return 'number';
  return type.kind === 'string' || type.kind === 'id' || type.kind === 'enum' ? 'text' : type.kind;
}

function fits(operator: string, type: Type): boolean {
  const sorts = operator === '+' ? ['number', 'text', 'list', 'dyn'] : ['number', 'dyn'];
  return sorts.includes(sort(type));
}
