import type { GraphQLSchema } from 'graphql';
import type { Channel, Retention } from '../event/channel.js';
import type { RecordMeta, TopicName } from '../event/source-event.js';
import type { Topics } from './topics.js';

/**
 * What one `schema.graphql` says, compiled: the contract between `schema/` and everything downstream.
 * The relay reads `topics`, the gateway reads `fields`; both come from the same text, so they agree on channels.
 */
export interface StreamSchema {
  /**
   * As clients see it: without what is `@hidden` and without the server's directives. Built and checked; has a Query (a
   * generated one gets `version` and `viewer`). Resolvers are added by `graphql/`.
   */
  readonly graphql: GraphQLSchema;
  /** With what is hidden and every directive, for rules and their types: nothing of it may reach a client. */
  readonly whole: GraphQLSchema;
  readonly topics: Topics<TopicPlan>;
  /** Subscription fields with `@kafka`, by name. */
  readonly fields: ReadonlyMap<string, StreamField>;
  /** Subscription fields without `@kafka`: served by a resolver in code, ephemeral. */
  readonly ephemeral: ReadonlySet<string>;
  /** Access of any field or object type that states one, by `Type.field` or `Type`. */
  readonly access: ReadonlyMap<string, Access>;
  /** The claims, by name or path, in which a viewer's scopes are looked for. */
  readonly scopeClaims: readonly string[];
  /** Eight characters that change whenever a route does. */
  readonly fingerprint: string;
}

/** What the relay does with a topic's records. */
export interface TopicPlan extends TopicName {
  readonly format: 'JSON';
  /** Distinct (pick, each) of the fields on this topic. */
  readonly extractors: readonly Extractor[];
}

/** A way to take events out of a record, and where they go. */
export interface Extractor {
  /** True when the event is the record's own value: its bytes go to the log unchanged. */
  readonly verbatim: boolean;
  /**
   * The events of a record: a list, one element without `each`. A null from `pick` gives an empty list.
   * Throws ExtractError when `pick` or `each` fails or `each` gives no list: a dead letter.
   */
  extract(record: RecordMeta, value: unknown): readonly unknown[];
  /** All distinct routes of the fields that use it. */
  readonly routes: readonly Route[];
}

export class ExtractError extends Error {
  override name = 'ExtractError';
}

/** One way by which events find their listeners: by the value of an expression, or (broadcast) all in one channel. */
export interface Route {
  /** Content-addressed: the same for equal (cluster, topic, pick, each, expression). */
  readonly id: string;
  /** As shown by `check`: `event.userId`, or `*` for broadcast. */
  readonly expression: string;
  readonly retention: Retention;
  /** Null when a route value is null, missing or cannot be converted: the event is for nobody on this route. */
  channel(event: unknown): Channel | null;
}

/** Who may ask at all. */
export interface Access {
  readonly public: boolean;
  readonly authenticated: boolean;
  /** An OR of ANDs; null when not stated. */
  readonly scopes: readonly (readonly string[])[] | null;
}

export type Claims = Readonly<Record<string, unknown>>;

/** `error` is a sentence; an error denies. */
export type Verdict = { readonly pass: boolean; readonly error: string | null };

/** Only the latest event of each key is shown, at most once in `every` milliseconds. */
export interface Conflation {
  readonly every: number;
  /** Null for an event without a key: it is never left out. */
  keyOf(event: unknown): string | null;
}

/** A subscription field fed by Kafka. */
export interface StreamField extends TopicName {
  readonly name: string;
  readonly extractor: Extractor;
  readonly retention: Retention;
  /** Everything the viewer might get is in one of these channels. Only narrows: `permit` decides. Each once, ≥ 0. */
  channels(args: Readonly<Record<string, unknown>>, claims: Claims): readonly Channel[];
  /** The whole rule. Never throws. `args` holds every declared argument, null when not given. */
  permit(event: unknown, args: Readonly<Record<string, unknown>>, claims: Claims, record: RecordMeta): Verdict;
  /**
   * The claims and arguments, as `claims.sub`, by which the rule keeps everything from this viewer, whatever the event is;
   * none where it does so from everybody. Null where an event may pass. Never throws.
   */
  lacks(args: Readonly<Record<string, unknown>>, claims: Claims): readonly string[] | null;
  /** What the rule depends on besides the event: it decides who shares an execution. */
  readonly reads: {
    readonly args: readonly string[];
    /** The first segment of each claim path read, e.g. `sub`, `https://example.com/roles`; `*` when it reads claims as a whole. */
    readonly claims: readonly string[];
    /** True when it reads `record`. */
    readonly record: boolean;
  };
  /** Null without `@conflate`. */
  readonly conflation: Conflation | null;
  /** The rule's text, null without `@where`. */
  readonly rule: string | null;
  /** Events per record appended at most by this field's own routes: what `check` prints. */
  readonly routes: readonly Route[];
  /** Four characters that change whenever one of them does. */
  readonly fingerprint: string;
}
