import type { ASTNode } from '@marcbachmann/cel-js';
import { computed, type Expr, Failure, faulty, type Run, type Scope, textOf } from './expression.js';
import { bool, describe, dyn, type Type } from './types.js';

/** `&&` and `||` absorb an error on either side, as CEL says: false && error is false, error || true is true. */
export function compileLogic(node: ASTNode, left: Expr, right: Expr, scope: Scope): Expr {
  const operands = [left, right];
  for (const side of operands) if (!isBoolean(side.type)) return notBoolean(node, side, scope, operands);
  const decisive = node.op === '||';
  const failure = new Failure(`${textOf(node)}: a side is not true or false`);
  const run: Run = (event, args, claims, record) => {
    const first = left.run(event, args, claims, record);
    if (first === decisive) return decisive;
    const second = right.run(event, args, claims, record);
    if (second === decisive) return decisive;
    if (typeof first === 'boolean' && typeof second === 'boolean') return !decisive;
    return first instanceof Failure ? first : second instanceof Failure ? second : failure;
  };
  return computed(node, bool, operands, run);
}

export function compileNot(node: ASTNode, operand: Expr, scope: Scope): Expr {
  if (!isBoolean(operand.type)) return notBoolean(node, operand, scope, [operand]);
  const failure = new Failure(`${textOf(node)}: \`${textOf(operand.node)}\` is not true or false`);
  return computed(node, bool, [operand], (event, args, claims, record) => {
    const value = operand.run(event, args, claims, record);
    return typeof value === 'boolean' ? !value : value instanceof Failure ? value : failure;
  });
}

export function compileConditional(node: ASTNode, condition: Expr, yes: Expr, no: Expr, scope: Scope): Expr {
  const operands = [condition, yes, no];
  if (!isBoolean(condition.type)) return notBoolean(node, condition, scope, operands);
  const alike =
    yes.type === no.type || (yes.type.kind === no.type.kind && !('of' in yes.type) && !('name' in yes.type));
  const type = yes.type.kind === 'null' ? no.type : no.type.kind === 'null' || alike ? yes.type : dyn;
  const failure = new Failure(`${textOf(node)}: the condition is not true or false`);
  return computed(node, type, operands, (event, args, claims, record) => {
    const value = condition.run(event, args, claims, record);
    if (value === true) return yes.run(event, args, claims, record);
    if (value === false) return no.run(event, args, claims, record);
    return value instanceof Failure ? value : failure;
  });
}

export const isBoolean = (type: Type) => type.kind === 'bool' || type.kind === 'dyn';

function notBoolean(node: ASTNode, side: Expr, scope: Scope, operands: readonly Expr[]): Expr {
  const what = node.op === '?:' ? '?' : node.op === '!_' ? '!' : node.op;
  return faulty(
    side.node,
    scope,
    `\`${what}\` takes true or false, and \`${textOf(side.node)}\` is ${describe(side.type)}`,
    operands,
  );
}
