import type { ASTNode } from '@marcbachmann/cel-js';
import { didYouMean } from '../suggest.js';
import { computed, type Expr, Failure, faulty, literalString, type Run, type Scope, textOf } from './expression.js';
import { describe, dyn, type Type } from './types.js';

export function compileIdentifier(node: ASTNode, name: string, scope: Scope): Expr {
  const variable = scope.variables.get(name);
  if (variable === undefined) {
    const near = didYouMean(name, [...scope.variables.keys()]);
    return faulty(
      node,
      scope,
      `\`${name}\` is unknown here; there are ${[...scope.variables.keys()].join(', ')}${near}`,
    );
  }
  const { type, origin, root, run } = variable;
  return { node, type, origin, path: root === null ? null : { root, segments: [] }, operands: [], run };
}

/**
 * `base.key`. A path through nothing is nothing: when `event.a` is missing so is `event.a.b`, and equals null.
 * A path through a number or a list is an error.
 */
export function compileSelect(node: ASTNode, base: Expr, key: string, scope: Scope): Expr {
  const type = fieldType(node, base, key, scope);
  if (type === null) return computed(node, dyn, [base], () => undefined);
  const failure = new Failure(`${textOf(node)}: \`${textOf(base.node)}\` is no object`);
  const from = base.run;
  const run: Run = (event, args, claims, record) => member(from(event, args, claims, record), key, failure);
  const { origin } = base;
  if (base.path === null) return { node, type, origin, path: null, operands: [base], run };
  const path = { root: base.path.root, segments: [...base.path.segments, key] };
  return { node, type, origin, path, operands: [], run };
}

/** `base["key"]` is `base.key`; `list[0]` and `map[args.key]` are looked up as rules are judged. */
export function compileIndex(node: ASTNode, base: Expr, index: Expr, scope: Scope): Expr {
  const key = literalString(index.node);
  if (key !== null && base.type.kind !== 'list') return compileSelect(node, base, key, scope);
  const operands = [base, index];
  const takes =
    base.type.kind === 'list'
      ? ['int']
      : base.type.kind === 'map'
        ? ['string', 'id', 'enum']
        : ['int', 'string', 'id', 'enum'];
  if (base.type.kind === 'object')
    return faulty(
      node,
      scope,
      `a field of \`${textOf(base.node)}\` is named by a literal, or it could not be checked`,
      operands,
    );
  if (base.type.kind !== 'dyn' && base.type.kind !== 'list' && base.type.kind !== 'map')
    return faulty(node, scope, `\`${textOf(base.node)}\` is ${describe(base.type)}: it cannot be indexed`, operands);
  if (index.type.kind !== 'dyn' && !takes.includes(index.type.kind))
    return faulty(index.node, scope, `${describe(base.type)} cannot be indexed by ${describe(index.type)}`, operands);
  const type = elementType(base.type, index.node);
  const failure = new Failure(`${textOf(node)}: no such element`);
  const run: Run = (event, args, claims, record) => {
    const at = index.run(event, args, claims, record);
    if (at instanceof Failure) return at;
    const value = base.run(event, args, claims, record);
    if (value instanceof Failure) return value;
    if (Array.isArray(value))
      return Number.isInteger(at) && (at as number) in value ? (value[at as number] as unknown) : failure;
    return typeof at === 'string' ? member(value, at, failure) : failure;
  };
  return { node, type, origin: base.origin, path: null, operands, run };
}

function elementType(type: Type, { op, args }: ASTNode): Type {
  if (type.kind === 'map') return type.of;
  if (type.kind !== 'list') return dyn;
  return (op === 'value' && typeof args === 'bigint' ? type.at?.(Number(args)) : undefined) ?? type.of;
}

/** Own properties only: `claims.constructor` is missing, not a function. */
function member(value: unknown, key: string, failure: Failure): unknown {
  if (value === null || value === undefined) return undefined;
  if (value instanceof Failure) return value;
  if (typeof value !== 'object' || Array.isArray(value)) return failure;
  return Object.hasOwn(value, key) ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
}

function fieldType(node: ASTNode, base: Expr, key: string, scope: Scope): Type | null {
  const { type } = base;
  if (type.kind === 'dyn') return dyn;
  if (type.kind === 'map') return type.of;
  if (type.kind === 'object') {
    const field = type.field(key);
    if (field !== undefined) return field;
    const whose =
      base.path?.root === 'args' && base.path.segments.length === 0
        ? 'is no argument of this field'
        : `is unknown in ${type.name}`;
    scope.say.fault(node.pos, `\`${key}\` ${whose}${didYouMean(key, type.names())}`);
    return null;
  }
  scope.say.fault(node.pos, `\`${textOf(base.node)}\` is ${describe(type)} and has no \`${key}\``);
  return null;
}
