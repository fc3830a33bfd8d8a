import type { Conversion } from '../cel/conversion.js';
import { type Expr, pathsOf, type Run } from '../cel/expression.js';

/** `event.<path>` has to equal what the viewer's side gives: one value, or one of a list. */
export interface Part {
  readonly path: readonly string[];
  readonly conversion: Conversion;
  readonly list: boolean;
  /** Reads args and claims only. */
  readonly viewer: Run;
}

/** One way in which a rule can be true: all guards (about the viewer alone) hold and all parts are equal. */
export interface Alternative {
  readonly guards: readonly Run[];
  readonly parts: readonly Part[];
}

/** An event goes to at most this many channels for one field. */
export const maxRoutes = 4;

const anything: readonly Alternative[] = [{ guards: [], parts: [] }];

/**
 * The ways in which a rule can be true, as far as routes can tell. Whenever the rule is true, one of them holds:
 * what is not understood (a negation, a comparison of two fields) becomes "anything", which is always correct,
 * only wider. `args.id == null || event.id == args.id` has two: a guard without parts, and a part.
 */
export function alternativesOf(expr: Expr): readonly Alternative[] {
  const { op } = expr.node;
  const paths = pathsOf(expr);
  if (paths.length > 0 && isViewers(expr)) return [{ guards: [expr.run], parts: [] }];
  if (op === '&&') return all(chain(expr, '&&').map(alternativesOf));
  if (op === '||') return any(chain(expr, '||').map(alternativesOf));
  const [left, right] = expr.operands;
  if (left === undefined || right === undefined || !expr.conversion) return anything;
  const part =
    op === 'in'
      ? equality(left, right, expr.conversion, true)
      : op === '=='
        ? either(left, right, expr.conversion)
        : null;
  return part === null ? anything : [{ guards: [], parts: [part] }];
}

function either(left: Expr, right: Expr, conversion: Conversion): Part | null {
  return equality(left, right, conversion, false) ?? equality(right, left, conversion, false);
}

function equality(event: Expr, viewer: Expr, conversion: Conversion, list: boolean): Part | null {
  if (event.path?.root !== 'event' || pathsOf(viewer).length === 0 || !isViewers(viewer)) return null;
  return { path: event.path.segments, conversion, list, viewer: viewer.run };
}

const isViewers = (expr: Expr) => pathsOf(expr).every(({ root }) => root === 'args' || root === 'claims');

function chain(expr: Expr, op: '&&' | '||'): readonly Expr[] {
  return expr.node.op === op ? expr.operands.flatMap((operand) => chain(operand, op)) : [expr];
}

/** Narrow ones first; one that would make too many routes is left to the rule. */
function all(conjuncts: readonly (readonly Alternative[])[]): readonly Alternative[] {
  let joined = anything;
  for (const conjunct of [...conjuncts].sort((a, b) => width(a) - width(b))) {
    const next = joined.flatMap((left) => conjunct.map((right) => join(left, right)));
    if (routesOf(next) <= maxRoutes) joined = next;
  }
  return joined;
}

/** One alternative before several, mandatory equalities before lists, optional ones last. */
function width(alternatives: readonly Alternative[]): number {
  const optional = alternatives.length > 1 && alternatives.some(({ parts }) => parts.length === 0);
  const lists = alternatives.some(({ parts }) => parts.some(({ list }) => list));
  return alternatives.length * 2 + (optional ? 1000 : 0) + (lists ? 1 : 0);
}

/** One list at most: the product of two would give the viewer a channel per pair. */
function join(left: Alternative, right: Alternative): Alternative {
  const parts = [...left.parts];
  for (const part of right.parts) {
    const known = parts.some(({ path }) => path.join('\0') === part.path.join('\0'));
    if (!known && !(part.list && parts.some(({ list }) => list))) parts.push(part);
  }
  return { guards: [...left.guards, ...right.guards], parts };
}

function any(disjuncts: readonly (readonly Alternative[])[]): readonly Alternative[] {
  const alternatives = disjuncts.flat();
  const open = alternatives.some(({ guards, parts }) => guards.length === 0 && parts.length === 0);
  return open || routesOf(alternatives) > maxRoutes ? anything : alternatives;
}

function routesOf(alternatives: readonly Alternative[]): number {
  return new Set(alternatives.map(({ parts }) => sorted(parts).map(keyOf).join())).size;
}

const keyOf = ({ path, conversion }: Part) => JSON.stringify([path, conversion]);

/** In an order that does not depend on how the rule was written, so that fields that agree share their routes. */
export function sorted(parts: readonly Part[]): readonly Part[] {
  return [...parts].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}
