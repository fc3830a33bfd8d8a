import type { ASTNode } from '@marcbachmann/cel-js';
import { computed, type Expr, Failure, faulty, type Run, type Scope, textOf, type Variable } from './expression.js';
import { isBoolean } from './logic.js';
import { bool, describe, dyn, listOf, type Type } from './types.js';

const names = ['exists', 'all', 'exists_one', 'filter', 'map'] as const;
export type Macro = (typeof names)[number];

/** Null for what is no macro. */
export const macroOf = (node: ASTNode): Macro | null =>
  node.op === 'rcall' ? (names.find((name) => name === node.args[0]) ?? null) : null;

/**
 * `list.exists(x, …)` and its kin; null when the name is no macro. The variable lives in a cell that the loop
 * fills: rules are judged one at a time and never in themselves, and no frame is allocated per element.
 */
export function compileMacro(
  node: ASTNode,
  name: string,
  list: Expr,
  parts: readonly ASTNode[],
  scope: Scope,
): Expr | null {
  const macro = macroOf(node);
  if (macro === null) return null;
  const [variable, body] = parts;
  if (variable === undefined || body === undefined || parts.length !== 2 || variable.op !== 'id')
    return faulty(node, scope, `${name}() takes a name and an expression, such as ${name}(x, x == 1)`, [list]);
  if (scope.variables.has(variable.args))
    return faulty(variable, scope, `\`${variable.args}\` already means something here: take another name`, [list]);
  if (list.type.kind !== 'list' && list.type.kind !== 'dyn')
    return faulty(
      list.node,
      scope,
      `${name}() goes through a list, and \`${textOf(list.node)}\` is ${describe(list.type)}`,
      [list],
    );
  const cell: { value: unknown } = { value: undefined };
  const element: Variable = {
    type: list.type.kind === 'list' ? list.type.of : dyn,
    origin: list.origin,
    root: null,
    run: () => cell.value,
  };
  const inner = scope.compile(body, { ...scope, variables: new Map([...scope.variables, [variable.args, element]]) });
  if (macro !== 'map' && !isBoolean(inner.type))
    return faulty(
      inner.node,
      scope,
      `${name}() asks what is true or false, and \`${textOf(inner.node)}\` is ${describe(inner.type)}`,
      [list, inner],
    );
  const failure = new Failure(`${textOf(node)}: there is no list, or an element gives no answer`);
  const fold = folds[macro];
  const run: Run = (event, args, claims, record) => {
    const items = list.run(event, args, claims, record);
    if (items instanceof Failure) return items;
    if (!Array.isArray(items)) return failure;
    return fold(items, failure, (item) => {
      cell.value = item;
      return inner.run(event, args, claims, record);
    });
  };
  return computed(node, givenBy(macro, element.type, inner.type), [list, inner], run);
}

function givenBy(macro: Macro, element: Type, inner: Type): Type {
  return macro === 'filter' ? listOf(element) : macro === 'map' ? listOf(inner) : bool;
}

type Fold = (items: readonly unknown[], failure: Failure, judge: (item: unknown) => unknown) => unknown;

/** `exists` is a chain of `||`, `all` of `&&`, errors included; the others fail with any element. */
const folds: { readonly [M in Macro]: Fold } = {
  exists: (items, failure, judge) => chain(items, failure, judge, true),
  all: (items, failure, judge) => chain(items, failure, judge, false),
  exists_one: (items, failure, judge) => {
    const kept = filter(items, failure, judge);
    return Array.isArray(kept) ? kept.length === 1 : kept;
  },
  filter,
  map: (items, failure, judge) => {
    const mapped: unknown[] = [];
    for (const item of items) {
      const value = judge(item);
      if (value instanceof Failure) return value;
      if (value === undefined) return failure;
      mapped.push(value);
    }
    return mapped;
  },
};

function chain(
  items: readonly unknown[],
  failure: Failure,
  judge: (item: unknown) => unknown,
  decisive: boolean,
): unknown {
  let failed: Failure | null = null;
  for (const item of items) {
    const value = judge(item);
    if (value === decisive) return decisive;
    if (typeof value !== 'boolean') failed ??= value instanceof Failure ? value : failure;
  }
  return failed ?? !decisive;
}

function filter(items: readonly unknown[], failure: Failure, judge: (item: unknown) => unknown): unknown {
  const kept: unknown[] = [];
  for (const item of items) {
    const value = judge(item);
    if (typeof value !== 'boolean') return value instanceof Failure ? value : failure;
    if (value) kept.push(item);
  }
  return kept;
}
