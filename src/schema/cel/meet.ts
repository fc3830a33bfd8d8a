import type { ASTNode } from '@marcbachmann/cel-js';
import { didYouMean } from '../suggest.js';
import { type Conversion, conversionTo } from './conversion.js';
import { type Expr, type Origin, type Scope, textOf } from './expression.js';
import { describe, type Type } from './types.js';

/** How two sides of a comparison come together; null conversion: as they are. */
export interface Meeting {
  readonly conversion: Conversion | null;
}

/**
 * Finds the schema type that decides a comparison: the event's before the argument's before a computed one.
 * Says what can never be equal as a fault (null), and what is likely meant otherwise as a warning.
 */
export function meet(node: ASTNode, left: Expr, right: Expr, scope: Scope): Meeting | null {
  const ordered = node.op !== '==' && node.op !== '!=' && node.op !== 'in';
  const leader = rank(right) > rank(left) ? right : left;
  const other = leader === left ? right : left;
  const refuse = () => {
    const [a, b] = [left, right].map((side) => `\`${textOf(side.node)}\``);
    const second = node.op === 'in' ? `an element of ${b}` : b;
    scope.say.fault(
      node.start,
      `${a} and ${second} cannot be compared: ${describe(left.type)} and ${describe(right.type)}`,
    );
    return null;
  };
  const composite = [leader, other].filter(({ type }) => isComposite(type));
  if (composite.length > 0) {
    // Elements of an event's list would be compared unconverted: 1 and "1" would not meet under [ID].
    const alike = leader.type.kind === other.type.kind || other.type.kind === 'dyn' || leader.type.kind === 'dyn';
    const typed = [leader, other].some(({ origin, type }) => isComposite(type) && (isGiven(origin) || holdsIds(type)));
    return ordered || !alike || typed ? refuse() : { conversion: null };
  }
  if (rank(leader) === 0) {
    const known = leader.type.kind !== 'dyn' && other.type.kind !== 'dyn';
    return known && family(leader.type) !== family(other.type) ? refuse() : { conversion: null };
  }
  const conversion = conversionTo(leader.type);
  if (conversion === null) return refuse();
  if (!convertible(leader, other)) return refuse();
  warn(node, leader, other, ordered, scope);
  const numbers = family(leader.type) === 'number' && other.type.kind === 'double';
  return { conversion: numbers ? 'float' : conversion };
}

/** Whose type decides. A value of unknown type decides only when it is the event's: it is then compared strictly. */
function rank({ origin, type }: Expr): number {
  if (type.kind === 'dyn') return origin === 'event' ? 1 : 0;
  if (origin === 'event') return 4;
  if (origin === 'args') return 3;
  return origin === 'literal' ? 0 : 2;
}

const isGiven = (origin: Origin) => origin === 'event' || origin === 'args';
const holdsIds = (type: Type): boolean => type.kind === 'id' || ('of' in type && holdsIds(type.of));
const isComposite = (type: Type) => type.kind === 'list' || type.kind === 'map' || type.kind === 'object';

function family(type: Type): string {
  if (type.kind === 'int' || type.kind === 'double') return 'number';
  return type.kind === 'string' || type.kind === 'id' || type.kind === 'enum' ? 'text' : type.kind;
}

function convertible(leader: Expr, other: Expr): boolean {
  if (other.type.kind === 'dyn' || leader.type.kind === 'dyn' || family(leader.type) === family(other.type))
    return true;
  if (family(leader.type) === 'bool' || family(other.type) === 'bool') return false;
  // A number and a text: an ID may be either, and an argument is converted; a literal or another field was a mistake.
  const kinds = [leader.type.kind, other.type.kind];
  if (kinds.includes('id') && kinds.includes('int')) return true;
  return other.origin === 'args' && leader.origin === 'event' && !kinds.includes('double');
}

function warn(node: ASTNode, leader: Expr, other: Expr, ordered: boolean, scope: Scope): void {
  const path = `\`${textOf(leader.node)}\``;
  if (family(leader.type) === 'number' && other.path?.root === 'claims' && other.path.segments.join() === 'sub')
    scope.say.warn(
      node.start,
      `${path} is a number and claims.sub a string: they meet only where claims.sub is a clean number. Is it an ID?`,
    );
  else if (other.origin === 'args' && other.type.kind !== 'id' && leader.type.kind !== 'id' && differ(leader, other))
    scope.say.warn(
      node.start,
      `${path} is ${describe(leader.type)} and \`${textOf(other.node)}\` ${describe(other.type)}: they meet only where it can be converted`,
    );
  if (ordered && leader.type.kind === 'id')
    scope.say.warn(node.start, `${path} is an ID: its order is that of text, in which "10" comes before "9"`);
  const values = leader.type.kind === 'enum' ? leader.type.values : null;
  const literal = other.node.op === 'value' && typeof other.node.args === 'string' ? other.node.args : null;
  if (values !== null && literal !== null && !values.includes(literal))
    scope.say.warn(
      other.node.start,
      `"${literal}" is no value of ${describe(leader.type)}${didYouMean(literal, values)}`,
    );
}

const differ = (a: Expr, b: Expr) =>
  a.type.kind !== 'dyn' && b.type.kind !== 'dyn' && family(a.type) !== family(b.type);
