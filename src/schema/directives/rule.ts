import { compileCel } from '../cel/cel.js';
import { type Expr, Failure, pathsOf, type Root, type Run, type Variable } from '../cel/expression.js';
import { isBoolean } from '../cel/logic.js';
import { describe, dyn, type ObjectType, recordMeta, type Type } from '../cel/types.js';
import type { Say } from '../problem.js';
import { prospectOf } from '../routes/prospect.js';
import type { StreamField, Verdict } from '../stream-schema.js';

/** A rule of `@where`, checked and compiled. */
export interface Rule {
  readonly text: string;
  readonly expr: Expr;
  readonly reads: StreamField['reads'];
  readonly permit: StreamField['permit'];
  readonly lacks: StreamField['lacks'];
}

const allow: Verdict = Object.freeze({ pass: true, error: null });
const deny: Verdict = Object.freeze({ pass: false, error: null });
const noEvent: Verdict = Object.freeze({ pass: false, error: 'null is no event' });

export const nothingRead: StreamField['reads'] = Object.freeze({ args: [], claims: [], record: false });

/** Without a rule every event passes. */
export const permitAll: StreamField['permit'] = (event) => (event === null || event === undefined ? noEvent : allow);

export const lacksNothing: StreamField['lacks'] = () => null;

export function compileRule(text: string, event: Type, args: ObjectType, say: Say): Rule | null {
  const expr = compileCel(text, variablesOf(event, args), say);
  if (expr === null) return null;
  if (!isBoolean(expr.type))
    say.fault(expr.node.start, `a rule is true or false, and this one is ${describe(expr.type)}`);
  return { text, expr, reads: readsOf(expr, args), permit: permitBy(expr), lacks: lacksBy(expr) };
}

function variablesOf(event: Type, args: ObjectType): ReadonlyMap<string, Variable> {
  const variable = (root: Root, type: Type, run: Run): [string, Variable] => [root, { type, origin: root, root, run }];
  return new Map([
    variable('event', event, (event_) => event_),
    variable('args', args, (_, args_) => args_),
    variable('claims', dyn, (_, __, claims) => claims),
    variable('record', recordMeta, (_, __, ___, record) => record),
  ]);
}

/** Only true lets an event pass. Never throws, and allocates nothing for its answer. */
function permitBy({ run }: Expr): Rule['permit'] {
  const notBoolean: Verdict = Object.freeze({ pass: false, error: 'the rule is not true or false' });
  return (event, args, claims, record) => {
    if (event === null || event === undefined) return noEvent;
    try {
      const value = run(event, args, claims, record);
      if (value === true) return allow;
      if (value === false) return deny;
      return value instanceof Failure ? value.verdict : notBoolean;
    } catch (error) {
      // Nothing in a rule throws; a value with a trap in it (a getter, a nesting deeper than the stack) still may.
      return {
        pass: false,
        error: `the rule could not be judged: ${error instanceof Error ? error.message : 'unknown'}`,
      };
    }
  };
}

function lacksBy(expr: Expr): Rule['lacks'] {
  const foresee = prospectOf(expr);
  return (args, claims) => {
    try {
      const { yes, by } = foresee(args, claims);
      return yes ? null : by;
    } catch {
      // As in `permitBy`: then each event is judged, and tells.
      return null;
    }
  };
}

/** What is read as a whole (`claims[args.key]`, `size(args)`) counts as read altogether: it decides who shares a frame. */
function readsOf(expr: Expr, args: ObjectType): StreamField['reads'] {
  const firsts = (root: Root, whole: readonly string[]) => {
    const paths = pathsOf(expr).filter((path) => path.root === root);
    return [...new Set(paths.flatMap(({ segments }) => segments[0] ?? whole))].sort();
  };
  const claims = firsts('claims', ['*']);
  return {
    args: firsts('args', args.names()),
    claims: claims.includes('*') ? ['*'] : claims,
    record: pathsOf(expr).some(({ root }) => root === 'record'),
  };
}
