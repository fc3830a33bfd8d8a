import { type ASTNode, ParseError, parse } from '@marcbachmann/cel-js';
import type { Say } from '../problem.js';
import { compileArithmetic, compileNegation } from './arithmetic.js';
import { compileComparison, compileMembership } from './compare.js';
import { exact } from './conversion.js';
import { computed, type Expr, Failure, faulty, type Scope, textOf, type Variable } from './expression.js';
import { compileCall } from './functions.js';
import { compileConditional, compileLogic, compileNot } from './logic.js';
import { compileMacro } from './macros.js';
import { compileIdentifier, compileIndex, compileSelect } from './select.js';
import { bool, double, dyn, int, listOf, mapOf, nothing, string } from './types.js';

/** Parses a CEL text, checks it against the types of its variables, and compiles it; null after a syntax fault. */
export function compileCel(text: string, variables: ReadonlyMap<string, Variable>, say: Say): Expr | null {
  try {
    return compile(parse(text).ast, { variables, say, compile });
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    say.fault(error.range?.start ?? 0, `${error.summary}; this is CEL, which has == != < <= > >= in && || !`);
    return null;
  }
}

function compile(node: ASTNode, scope: Scope): Expr {
  switch (node.op) {
    case 'value':
      return compileLiteral(node, scope);
    case 'id':
      return compileIdentifier(node, node.args, scope);
    case '.':
      return compileSelect(node, compile(node.args[0], scope), node.args[1], scope);
    case '[]':
      return compileIndex(node, compile(node.args[0], scope), compile(node.args[1], scope), scope);
    case '&&':
    case '||':
      return compileLogic(node, compile(node.args[0], scope), compile(node.args[1], scope), scope);
    case '!_':
      return compileNot(node, compile(node.args, scope), scope);
    case '?:': {
      const [condition, yes, no] = node.args;
      return compileConditional(node, compile(condition, scope), compile(yes, scope), compile(no, scope), scope);
    }
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return compileComparison(node, compile(node.args[0], scope), compile(node.args[1], scope), scope);
    case 'in':
      return compileMembership(node, compile(node.args[0], scope), compile(node.args[1], scope), scope);
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
      return compileArithmetic(node, compile(node.args[0], scope), compile(node.args[1], scope), scope);
    case '-_':
      return compileNegation(node, compile(node.args, scope), scope);
    case 'list':
      return compileList(
        node,
        node.args.map((element) => compile(element, scope)),
      );
    case 'map':
      return compileMap(
        node,
        node.args.map(([key, value]) => [compile(key, scope), compile(value, scope)]),
        scope,
      );
    case 'call':
      return compileCall(
        node,
        node.args[0],
        node.args[1].map((part) => compile(part, scope)),
        scope,
      );
    case 'rcall': {
      const [name, receiver, parts] = node.args;
      const on = compile(receiver, scope);
      const macro = compileMacro(node, name, on, parts, scope);
      return macro ?? compileCall(node, name, [on, ...parts.map((part) => compile(part, scope))], scope);
    }
    default:
      return faulty(node, scope, `\`${node.op}\` is not supported in a rule`);
  }
}

function compileLiteral(node: ASTNode, scope: Scope): Expr {
  const value = node.args;
  const literal = (type: Expr['type'], constant: unknown): Expr => ({
    node,
    type,
    origin: 'literal',
    path: null,
    operands: [],
    run: () => constant,
  });
  if (value === null) return literal(nothing, null);
  if (typeof value === 'string') return literal(string, value);
  if (typeof value === 'boolean') return literal(bool, value);
  if (typeof value === 'number') return literal(double, value);
  if (typeof value !== 'bigint') return faulty(node, scope, 'bytes and unsigned numbers are not supported in a rule');
  return literal(int, exact(value));
}

/** Elements of one type, or null, keep it, so that a comparison with them is checked. */
function compileList(node: ASTNode, elements: readonly Expr[]): Expr {
  const typed = elements.filter(({ type }) => type.kind !== 'null');
  const kinds = new Set(typed.map(({ type }) => type.kind));
  const of = kinds.size === 1 ? (typed[0]?.type ?? dyn) : dyn;
  const failure = new Failure(`${textOf(node)}: an element is missing`);
  const expr = computed(node, listOf(of), elements, (event, args, claims, record) => {
    const list: unknown[] = [];
    for (const element of elements) {
      const value = element.run(event, args, claims, record);
      if (value instanceof Failure) return value;
      if (value === undefined) return failure;
      list.push(value);
    }
    return list;
  });
  return elements.every(({ origin }) => origin === 'literal') ? { ...expr, origin: 'literal' } : expr;
}

/** A null is a value. What is missing is none: of a misspelt path every event would have a null. */
function compileMap(node: ASTNode, entries: readonly (readonly Expr[])[], scope: Scope): Expr {
  const operands = entries.flat();
  for (const [key] of entries)
    if (key !== undefined && key.type.kind !== 'string' && key.type.kind !== 'dyn')
      return faulty(key.node, scope, 'a key of a map is a string here, as in JSON');
  const failure = new Failure(`${textOf(node)}: a key is no string, or a value is missing`);
  return computed(node, mapOf(dyn), operands, (event, args, claims, record) => {
    const map: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    for (const [name, content] of entries) {
      const key = name?.run(event, args, claims, record);
      const value = content?.run(event, args, claims, record);
      if (key instanceof Failure) return key;
      if (value instanceof Failure) return value;
      if (typeof key !== 'string' || value === undefined) return failure;
      map[key] = value;
    }
    return map;
  });
}
