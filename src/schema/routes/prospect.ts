import { convert } from '../cel/conversion.js';
import { type Expr, Failure, isNullLiteral, type Path, pathsOf } from '../cel/expression.js';
import { macroOf } from '../cel/macros.js';

/** What a part of a rule can come to for a viewer, whatever the event. When neither, it is an error. */
interface Prospect {
  readonly yes: boolean;
  readonly no: boolean;
  /** The claims and arguments that leave no other choice, as `claims.sub`. */
  readonly by: readonly string[];
}

type Foresee = (args: unknown, claims: unknown) => Prospect;

const open: Prospect = { yes: true, no: true, by: [] };
const anything: Foresee = () => open;

/**
 * Foresees what a rule can come to. What is not understood, such as two fields of the event compared with each other, can
 * be anything: who is counted among those to whom nothing ever comes must be one of them.
 */
export function prospectOf(expr: Expr): Foresee {
  if (isViewers(expr)) return ofViewer(expr);
  const [first, second, third] = expr.operands;
  if (!first) return anything;
  switch (expr.node.op) {
    case '&&':
      return ofBoth(expr.operands.map(prospectOf), 'yes', 'no');
    case '||':
      return ofBoth(expr.operands.map(prospectOf), 'no', 'yes');
    case '!_':
      return ofNot(prospectOf(first));
    case '?:':
      return second && third ? ofChoice(prospectOf(first), prospectOf(second), prospectOf(third)) : anything;
    case 'in':
      return second && isViewers(second) ? ofList(expr, second) : ofStrict(expr);
    default:
      return macroOf(expr.node) === null ? ofStrict(expr) : ofMacro(expr, first);
  }
}

/** Where the viewer alone is asked. */
function ofViewer(expr: Expr): Foresee {
  const by = namesOf(expr);
  return (args, claims) => {
    const value = expr.run(undefined, args, claims, undefined);
    return { yes: value === true, no: value === false, by };
  };
}

/** `&&` is what `each` of its sides is, and not what `any` of them is not; `||` the other way round. */
const ofBoth =
  (sides: readonly Foresee[], each: 'yes' | 'no', any: 'yes' | 'no'): Foresee =>
  (args, claims) => {
    const all = sides.map((side) => side(args, claims));
    const against = all.filter((side) => !side[each]);
    const can = { [each]: against.length === 0, [any]: all.some((side) => side[any]) } as Pick<Prospect, 'yes' | 'no'>;
    return { ...can, by: byAll(against.length > 0 ? against : all) };
  };

const ofNot =
  (side: Foresee): Foresee =>
  (args, claims) => {
    const { yes, no, by } = side(args, claims);
    return { yes: no, no: yes, by };
  };

const ofChoice =
  (condition: Foresee, yes: Foresee, no: Foresee): Foresee =>
  (args, claims) => {
    const which = condition(args, claims);
    const [one, other] = [yes(args, claims), no(args, claims)];
    const can = (what: 'yes' | 'no') => (which.yes && one[what]) || (which.no && other[what]);
    const ways = [which, ...(which.yes ? [one] : []), ...(which.no ? [other] : [])];
    return { yes: can('yes'), no: can('no'), by: byAll(ways) };
  };

/** `event.id in claims.ids`: an element that cannot be compared is an error where none is equal. */
function ofList({ conversion }: Expr, list: Expr): Foresee {
  const by = namesOf(list);
  const isComparable = comparable(conversion);
  return (args, claims) => {
    const items = list.run(undefined, args, claims, undefined);
    // A map is asked for a key.
    if (typeof items === 'object' && items !== null && !Array.isArray(items) && !(items instanceof Failure))
      return open;
    if (!Array.isArray(items)) return { yes: false, no: false, by };
    return { yes: items.some(isComparable), no: items.every(isComparable), by };
  };
}

/** `claims.teams.exists(t, t == event.team)`: without elements, the event is not asked. */
function ofMacro(expr: Expr, list: Expr): Foresee {
  if (!isViewers(list)) return anything;
  const by = namesOf(list);
  return (args, claims) => {
    const items = list.run(undefined, args, claims, undefined);
    if (!Array.isArray(items)) return { yes: false, no: false, by };
    if (items.length > 0) return open;
    const value = expr.run(undefined, args, claims, undefined);
    return { yes: value === true, no: value === false, by };
  };
}

/** Comparisons, arithmetic and functions: a side that is missing is an error, whatever the other one is. */
function ofStrict(expr: Expr): Foresee {
  const failing = failingOf(expr);
  return (args, claims) => {
    const by = failing(args, claims);
    return by === null ? open : { yes: false, no: false, by };
  };
}

/** By what it fails, whatever the event; null when it may not. */
function failingOf(expr: Expr): (args: unknown, claims: unknown) => readonly string[] | null {
  if (isViewers(expr) || !isStrict(expr)) return () => null;
  const isFit = isComparison(expr) ? comparable(expr.conversion) : isPresent;
  const sides = expr.operands.map((side) => ({
    run: side.run,
    known: isViewers(side),
    by: namesOf(side),
    failing: failingOf(side),
  }));
  return (args, claims) => {
    for (const { run, known, by, failing } of sides) {
      if (known && !isFit(run(undefined, args, claims, undefined))) return by;
      const within = failing(args, claims);
      if (within !== null) return within;
    }
    return null;
  };
}

const orders = ['<', '<=', '>', '>='];
const comparisons = new Set(['==', '!=', 'in', ...orders]);
const strict = new Set([...comparisons, '+', '-', '*', '/', '%', '-_', 'call', 'rcall']);

/** Whatever of its operands is missing: an error. */
function isStrict(expr: Expr): boolean {
  const { node, operands } = expr;
  const asks = (node.op === 'call' && node.args[0] === 'has') || macroOf(node) !== null || isNullTest(expr);
  const looksThrough = node.op === 'in' && operands[1] !== undefined && isViewers(operands[1]);
  return strict.has(node.op) && !asks && !looksThrough;
}

const isComparison = ({ node }: Expr) => comparisons.has(node.op);
const isNullTest = ({ operands, node }: Expr) => comparisons.has(node.op) && operands.some(isNullLiteral);

const isPresent = (value: unknown) => value !== null && value !== undefined && !(value instanceof Failure);
const comparable = (conversion: Expr['conversion']) =>
  conversion ? (value: unknown) => convert[conversion](value) !== undefined : isPresent;

const isViewers = (expr: Expr) => pathsOf(expr).every(({ root }) => root === 'args' || root === 'claims');
const byAll = (all: readonly Prospect[]) => [...new Set(all.flatMap(({ by }) => by))];

const namesOf = (expr: Expr): readonly string[] => [...new Set(pathsOf(expr).map(nameOf))];

const nameOf = ({ root, segments }: Path) =>
  segments.reduce<string>(
    (name, one) => name + (/^[A-Za-z_]\w*$/.test(one) ? `.${one}` : `[${JSON.stringify(one)}]`),
    root,
  );
