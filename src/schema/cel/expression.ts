import type { ASTNode } from '@marcbachmann/cel-js';
import { serialize } from '@marcbachmann/cel-js';
import type { Say } from '../problem.js';
import type { Verdict } from '../stream-schema.js';
import type { Conversion } from './conversion.js';
import type { Type } from './types.js';

/**
 * A value of CEL's "error". It is returned, not thrown: a rule that often fails (a claim that most viewers lack)
 * would otherwise cost a stack trace per event. One exists per place in a rule, so failing allocates nothing;
 * its sentence therefore never holds a value, and may be logged.
 */
export class Failure {
  readonly verdict: Verdict;
  constructor(readonly message: string) {
    this.verdict = Object.freeze({ pass: false, error: message });
  }
}

/** The failure of a part that has no value: what went wrong within it says more than that it has none. */
export function failureOf(own: Failure, ...operands: readonly unknown[]): Failure {
  return operands.find((value) => value instanceof Failure) ?? own;
}

/** A compiled part of a rule. Gives a value or a Failure; a missing field is undefined, which rules treat as null. */
export type Run = (event: unknown, args: unknown, claims: unknown, record: unknown) => unknown;

export type Root = 'event' | 'args' | 'claims' | 'record';

/** Where a value comes from decides whose type a comparison converts to: the event's before the argument's. */
export type Origin = Root | 'literal' | 'computed';

export interface Path {
  readonly root: Root;
  readonly segments: readonly string[];
}

/** A part of a rule, checked and compiled. */
export interface Expr {
  readonly node: ASTNode;
  readonly type: Type;
  readonly origin: Origin;
  /** Set when it is a plain path from one of the roots. */
  readonly path: Path | null;
  readonly operands: readonly Expr[];
  readonly run: Run;
  /** How both sides of a comparison or `in` are converted; null when they are compared as they are. */
  readonly conversion?: Conversion | null;
}

export interface Variable {
  readonly type: Type;
  readonly origin: Origin;
  readonly root: Root | null;
  readonly run: Run;
}

/** What a part of a rule can see, and where problems go. */
export interface Scope {
  readonly variables: ReadonlyMap<string, Variable>;
  readonly say: Say;
  compile(node: ASTNode, scope: Scope): Expr;
}

export const textOf = (node: ASTNode): string => serialize(node);

export function isNullLiteral({ node }: Expr): boolean {
  return node.op === 'value' && node.args === null;
}

/** A string known when the rule is compiled: the key in `claims["https://example.com/roles"]`. */
export function literalString(node: ASTNode): string | null {
  return node.op === 'value' && typeof node.args === 'string' ? node.args : null;
}

/** Stands for a part with a fault, so that the rest is still checked. */
export function faulty(node: ASTNode, scope: Scope, message: string, operands: readonly Expr[] = []): Expr {
  scope.say.fault(node.pos, message);
  const failure = new Failure(message);
  return { node, type: { kind: 'dyn' }, origin: 'computed', path: null, operands, run: () => failure };
}

export function computed(node: ASTNode, type: Type, operands: readonly Expr[], run: Run): Expr {
  return { node, type, origin: 'computed', path: null, operands, run };
}

/** All paths that an expression reads. */
export function pathsOf(expr: Expr): readonly Path[] {
  return [...(expr.path === null ? [] : [expr.path]), ...expr.operands.flatMap(pathsOf)];
}
