/**
 * Rules as data: printed as CEL for the product, and judged here by code of its own, from what PROTOCOL.md says of
 * rules. It shares nothing with the product's compiler.
 */
export type Kind = 'ID' | 'String' | 'Int' | 'Float' | 'Boolean';
export type Truth = true | false | 'error';

/** What a rule can see. */
export interface Facts {
  readonly event: unknown;
  /** Every declared one, null when not given. */
  readonly args: Record<string, unknown>;
  readonly claims: Record<string, unknown>;
  readonly record: { readonly key: string | null; readonly headers: Record<string, string> };
}

/** A place whose value is a `kind`, or a list of it; null where the schema does not say. */
export interface Place {
  readonly root: 'event' | 'args' | 'claims' | 'record';
  readonly path: readonly string[];
  readonly kind: Kind | null;
}
export type Side = Place | { readonly literal: string | number | boolean; readonly kind: Kind };

export type Rule =
  | { readonly is: '==' | '!=' | '<' | '<=' | '>' | '>='; readonly left: Side; readonly right: Side }
  | { readonly is: 'in'; readonly left: Side; readonly right: Place }
  | { readonly is: 'null' | 'not null' | 'bare'; readonly of: Place }
  | { readonly is: '&&' | '||'; readonly left: Rule; readonly right: Rule }
  | { readonly is: '!'; readonly of: Rule }
  | { readonly is: '?'; readonly of: Rule; readonly left: Rule; readonly right: Rule };

const nameOf = (side: Side): string =>
  'literal' in side
    ? JSON.stringify(side.literal)
    : side.path.reduce((to, name) => to + (/^\w+$/.test(name) ? `.${name}` : `["${name}"]`), side.root as string);

export function printed(rule: Rule): string {
  switch (rule.is) {
    case '&&':
    case '||':
      return `(${printed(rule.left)} ${rule.is} ${printed(rule.right)})`;
    case '!':
      return `!(${printed(rule.of)})`;
    case '?':
      return `(${printed(rule.of)} ? ${printed(rule.left)} : ${printed(rule.right)})`;
    case 'null':
      return `${nameOf(rule.of)} == null`;
    case 'not null':
      return `null != ${nameOf(rule.of)}`;
    case 'bare':
      return nameOf(rule.of);
    default:
      return `${nameOf(rule.left)} ${rule.is} ${nameOf(rule.right)}`;
  }
}

/** True when the claims have a say in it. */
export function readsClaims(rule: Rule): boolean {
  const parts = Object.values(rule).filter((part): part is object => typeof part === 'object');
  return parts.some((part) => ('is' in part ? readsClaims(part as Rule) : 'root' in part && part.root === 'claims'));
}

export function judged(rule: Rule, facts: Facts): Truth {
  const both = (a: Rule, b: Rule) => [judged(a, facts), judged(b, facts)];
  switch (rule.is) {
    case '&&': {
      const sides = both(rule.left, rule.right);
      return sides.includes(false) ? false : sides.includes('error') ? 'error' : true;
    }
    case '||': {
      const sides = both(rule.left, rule.right);
      return sides.includes(true) ? true : sides.includes('error') ? 'error' : false;
    }
    case '!':
      return not(judged(rule.of, facts));
    case '?': {
      const condition = judged(rule.of, facts);
      return condition === 'error' ? 'error' : judged(condition ? rule.left : rule.right, facts);
    }
    case 'null':
    case 'not null': {
      const value = at(rule.of, facts);
      return value === broken ? 'error' : ((value ?? null) === null) === (rule.is === 'null');
    }
    case 'bare': {
      const value = at(rule.of, facts);
      return typeof value === 'boolean' ? value : 'error';
    }
    case 'in': {
      const list = at(rule.right, facts);
      if (!Array.isArray(list)) return 'error';
      const met = list.map((one) => compared('==', rule.left, at(rule.left, facts), rule.right, one));
      if (list.length === 0) return read(rule.left, at(rule.left, facts), rule.right) === broken ? 'error' : false;
      return met.includes(true) ? true : met.includes('error') ? 'error' : false;
    }
    default:
      return compared(rule.is, rule.left, at(rule.left, facts), rule.right, at(rule.right, facts));
  }
}

const not = (truth: Truth): Truth => (truth === 'error' ? 'error' : !truth);

/** What CEL calls an error, where a value is asked for. */
const broken = Symbol('error');

/** Through nothing there is nothing; through anything else that is no object there is no way. */
function at(side: Side, facts: Facts): unknown {
  if ('literal' in side) return side.literal;
  let value: unknown = facts[side.root];
  for (const name of side.path) {
    if (value === null || value === undefined) return undefined;
    if (typeof value !== 'object' || Array.isArray(value)) return broken;
    value = Object.getOwnPropertyDescriptor(value, name)?.value;
  }
  return value;
}

function compared(op: string, left: Side, a: unknown, right: Side, b: unknown): Truth {
  const [x, y] = [read(left, a, right), read(right, b, left)];
  if (x === broken || y === broken) return 'error';
  if (op === '==') return same(x, y);
  if (op === '!=') return !same(x, y);
  if (typeof x !== typeof y) return 'error';
  const [p, q] = [x as number, y as number];
  return op === '<' ? p < q : op === '<=' ? p <= q : op === '>' ? p > q : p >= q;
}

/** By structure; between plain values this is `===`. */
function same(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b;
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The value as the comparison's type: the event's, else the argument's, else the record's; else as it is. */
function read(side: Side, value: unknown, other: Side): unknown {
  const leader = [side, other].sort((a, b) => authority(b) - authority(a))[0] as Side;
  if (value === undefined || value === null || value === broken) return broken;
  if (authority(leader) === 0) return value;
  const numbers = [side.kind, other.kind].includes('Float') && leader.kind === 'Int';
  return as(numbers ? 'Float' : (leader.kind as Kind), value);
}

const authority = (side: Side) => ('literal' in side ? 0 : { claims: 0, record: 1, args: 2, event: 3 }[side.root]);

function as(kind: Kind, value: unknown): unknown {
  const number = typeof value === 'number' && Number.isFinite(value) ? value : null;
  switch (kind) {
    case 'ID':
    case 'String':
      if (typeof value === 'string') return value;
      return number === null || (Number.isInteger(number) && Math.abs(number) >= 2 ** 53) ? broken : `${number}`;
    case 'Int': {
      const whole = number ?? (typeof value === 'string' && `${Math.trunc(+value)}` === value ? +value : null);
      return whole !== null && Number.isSafeInteger(whole) ? whole + 0 : broken;
    }
    case 'Float': {
      const clean = typeof value === 'string' && /^-?(0|[1-9]\d*)(\.\d+)?$/.test(value) ? +value : null;
      return (number ?? clean ?? broken) === broken ? broken : ((number ?? clean) as number) + 0;
    }
    case 'Boolean':
      return typeof value === 'boolean' ? value : value === 'true' ? true : value === 'false' ? false : broken;
  }
}
