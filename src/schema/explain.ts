import type { Channel } from '../event/channel.js';
import type { RecordMeta } from '../event/source-event.js';
import { type Expr, Failure, textOf } from './cel/expression.js';
import { refusal } from './directives/access.js';
import { fieldRule } from './directives/field.js';
import type { Claims, StreamField, StreamSchema, Verdict } from './stream-schema.js';

/** One part of a rule with what became of it. `value` is undefined where a field is missing. */
export interface Part {
  readonly text: string;
  readonly value: unknown;
  /** A sentence; null when the part has a value. */
  readonly error: string | null;
  /** What it is made of. Literals are left out, and so is what a macro does for each element. */
  readonly parts: readonly Part[];
}

export interface Explanation {
  /** Whether this viewer gets this event: admitted, permitted, and listening where the event goes. */
  readonly delivered: boolean;
  /** The field that refuses the viewer; types below it may refuse a selection of theirs. */
  readonly refused: {
    readonly by: string;
    readonly code: 'UNAUTHENTICATED' | 'FORBIDDEN';
    /** All of one of these lists are needed. */
    readonly scopes: readonly (readonly string[])[];
  } | null;
  readonly verdict: Verdict;
  /** Null without a rule. */
  readonly rule: Part | null;
  /** Where the event goes, by route; null where it is for nobody. */
  readonly goesTo: readonly { readonly expression: string; readonly channel: Channel | null }[];
  readonly listensTo: readonly Channel[];
}

export interface Case {
  readonly event: unknown;
  /** Every declared argument, null when not given. */
  readonly args: Readonly<Record<string, unknown>>;
  /** Null without a token. */
  readonly claims: Claims | null;
  readonly record: RecordMeta;
}

/** Would this viewer get this event, and why (not)? Pure; judges by the same closures as the gateway. */
export function explain(schema: StreamSchema, field: StreamField, { event, args, claims, record }: Case): Explanation {
  const root = schema.whole.getSubscriptionType();
  const own = root?.getFields()[field.name];
  const by = `${root?.name ?? 'Subscription'}.${field.name}`;
  const access = schema.access.get(by);
  const code = refusal(access, claims, schema.scopeClaims);
  const viewer = claims ?? {};
  const silent = { fault() {}, warn() {} };
  const rule = field.rule === null || own === undefined ? null : fieldRule(field.rule, own, schema.whole, silent);
  const verdict = field.permit(event, args, viewer, record);
  const goesTo = field.routes.map((route) => ({ expression: route.expression, channel: route.channel(event) }));
  const listensTo = field.channels(args, viewer);
  return {
    delivered:
      code === null && verdict.pass && goesTo.some(({ channel }) => channel !== null && listensTo.includes(channel)),
    refused: code === null ? null : { by, code, scopes: access?.scopes ?? [] },
    verdict,
    rule: rule === null ? null : partOf(rule.expr, (expr) => expr.run(event, args, viewer, record)),
    goesTo,
    listensTo,
  };
}

function partOf(expr: Expr, judge: (expr: Expr) => unknown): Part {
  const { node, operands } = expr;
  const value = judge(expr);
  const failed = value instanceof Failure;
  const goesThrough = node.op === 'rcall' && ['exists', 'all', 'exists_one', 'filter', 'map'].includes(node.args[0]);
  return {
    text: textOf(node),
    value: failed ? undefined : value,
    error: failed ? value.message : null,
    parts: (goesThrough ? operands.slice(0, 1) : operands)
      .filter((operand) => operand.origin !== 'literal')
      .map((operand) => partOf(operand, judge)),
  };
}
