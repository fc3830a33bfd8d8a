import {
  execute,
  type ExecutionResult,
  GraphQLError,
  type GraphQLSchema,
  getArgumentValues,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
  subscribe,
} from 'graphql';
import type { CursorCodec } from '../event/cursor.js';
import { Fault, limitExceeded } from '../event/faults.js';
import { Group, type GroupPlan } from '../hub/group.js';
import type { Hub } from '../hub/hub.js';
import { type OnGap, type Outlet, type Start, Subscription } from '../hub/subscription.js';
import { type ChannelLogReader, LogUnavailable } from '../log/channel-log.js';
import type { Logger } from '../observe/logger.js';
import type { GatewayMetrics } from '../observe/metrics.js';
import type { StreamField, StreamSchema } from '../schema/stream-schema.js';
import { refuse } from './access.js';
import type { Context, Executable, PubSub } from './executable.js';
import { coded, type Document, documentCache, isDocument, operationOf } from './operation.js';
import { formatted, renderer, toGraphQLError } from './render.js';
import { normalized } from './selection.js';
import { type StartRequest, startOf } from './start.js';
import { pickClaims, type Viewer } from './viewer.js';

export interface EngineParts {
  readonly streams: StreamSchema;
  readonly executable: Executable;
  readonly hub: Hub;
  readonly log: ChannelLogReader;
  readonly cursors: CursorCodec;
  readonly pubsub: PubSub;
  readonly metrics: GatewayMetrics;
  readonly logger: Logger;
  readonly now: () => number;
  readonly introspection: boolean;
  readonly limits: { readonly channelsPerSubscription: number; readonly rewindScan: number };
}

/** An operation as any transport brings it. */
export interface OperationRequest extends StartRequest {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  readonly viewer: Viewer;
}

/** A live subscription in the hands of its transport. */
export interface Stream {
  readonly kind: 'stream';
  readonly field: string;
  /** Begins to write; `close` of the result ends it. Either this or `abandon` is called, once. */
  start(outlet: Outlet): Subscription;
  /** The client left before it began. */
  abandon(): void;
}

export type Opened =
  | Stream
  /** A subscription by a resolver in code. */
  | { readonly kind: 'iterable'; readonly field: string; readonly results: AsyncGenerator<ExecutionResult, void, void> }
  | { readonly kind: 'result'; readonly result: ExecutionResult }
  | { readonly kind: 'errors'; readonly errors: readonly GraphQLError[] };

/** The one path by which every transport parses, validates, checks access and starts an operation. */
export function createEngine(parts: EngineParts) {
  const { streams, executable, hub, log, cursors, metrics, logger } = parts;
  const { schema } = executable;
  const documents = documentCache(schema, parts.introspection);
  const groups = new Map<string, Group>();
  let singles = 0;

  const contextFor = (viewer: Viewer): Context => ({ viewer, claims: viewer.claims, pubsub: parts.pubsub });

  const errors = (...list: GraphQLError[]): Opened => {
    metrics.refusedOperation(String(list[0]?.extensions['code'] ?? 'UNKNOWN'));
    return { kind: 'errors', errors: list };
  };

  async function open(request: OperationRequest): Promise<Opened> {
    const document = documents(request.query);
    if (!isDocument(document)) return errors(...document);
    const operation = operationOf(document.ast, request.operationName);
    if (operation instanceof GraphQLError) return errors(operation);
    const refused = refuse(streams, document.fields, request.viewer);
    if (refused) return errors(toGraphQLError(refused));
    const raw = request.variables ?? {};
    const { coerced, errors: wrong } = getVariableValues(schema, operation.variableDefinitions ?? [], raw);
    if (wrong) return errors(...wrong.map((error) => coded(error, 'BAD_USER_INPUT')));

    const args = {
      schema,
      document: document.ast,
      operationName: request.operationName ?? null,
      variableValues: raw,
      contextValue: contextFor(request.viewer),
    };
    try {
      if (operation.operation !== 'subscription') {
        return { kind: 'result', result: formattedResult(await execute(args)) };
      }
      const { field, node } = rootField(schema, operation, document, coerced);
      const stream = streams.fields.get(field);
      if (stream) return await openStream(request, document, operation, stream, node, coerced);
      const results = await subscribe(args);
      if (!(Symbol.asyncIterator in results)) return { kind: 'result', result: formattedResult(results) };
      return { kind: 'iterable', field, results };
    } catch (error) {
      if (error instanceof GraphQLError) return errors(coded(error, 'BAD_USER_INPUT'));
      if (error instanceof Fault) return errors(toGraphQLError(error));
      if (error instanceof LogUnavailable) {
        logger.warn({ error: error.message }, 'a subscription could not start');
        return errors(toGraphQLError(new Fault('UNAVAILABLE', { why: 'the log cannot be reached' })));
      }
      throw error;
    }
  }

  const formattedResult = (result: ExecutionResult) => formatted(result, logger) as ExecutionResult;

  async function openStream(
    request: OperationRequest,
    document: Document,
    operation: OperationDefinitionNode,
    field: StreamField,
    args: Record<string, unknown>,
    coerced: Record<string, unknown>,
  ): Promise<Stream> {
    const { viewer } = request;
    const begin = startOf(schema, operation, coerced, request, field.name, cursors, parts.limits.rewindScan);
    const channels = field.channels(args, viewer.claims);
    const { channelsPerSubscription: most } = parts.limits;
    if (channels.length > most) throw limitExceeded('channelsPerSubscription', most, channels.length);

    const key = groupKey(document, operation, request, field, args);
    const known = groups.get(key);
    const group = known ?? new Group(planOf(key), hub, cursors, metrics, parts.now);
    groups.set(key, group);
    group.expected++;
    try {
      await group.join();
    } catch (error) {
      arrived(group);
      throw error;
    }
    return {
      kind: 'stream',
      field: field.name,
      start: (outlet) => start(group, outlet, begin.start, begin.onGap),
      abandon: () => arrived(group),
    };

    function planOf(groupKey: string): GroupPlan {
      const projection = {
        schema,
        document: document.ast,
        operationName: request.operationName ?? null,
        variables: request.variables ?? {},
        field: field.name,
        context: contextFor(viewer),
      };
      return {
        key: groupKey,
        field: field.name,
        topic: field.topic,
        retain: field.retention.retain,
        channels,
        permit: ({ event, record }) => field.permit(event, args, viewer.claims, record),
        render: renderer(projection, metrics, logger),
      };
    }
  }

  function start(group: Group, outlet: Outlet, from: Start, onGap: OnGap): Subscription {
    const subscription = new Subscription(group, outlet, log, cursors, hub.heads, metrics, onGap, parts.limits.rewindScan);
    metrics.subscribed(group.plan.field, 1);
    metrics.groups(groups.size);
    subscription.onClose = () => {
      metrics.subscribed(group.plan.field, -1);
      leaveIfEmpty(group);
    };
    void subscription.start(from, parts.now());
    arrived(group);
    return subscription;
  }

  function arrived(group: Group) {
    group.expected--;
    leaveIfEmpty(group);
  }

  function leaveIfEmpty(group: Group) {
    if (group.seats.size > 0 || group.expected > 0) return;
    groups.delete(group.plan.key);
    hub.leave(group);
    metrics.groups(groups.size);
  }

  /** Equal only for viewers to whom every event looks the same. What is left unsaid makes a group of one. */
  function groupKey(
    document: Document,
    operation: OperationDefinitionNode,
    request: OperationRequest,
    field: StreamField,
    args: Record<string, unknown>,
  ): string {
    const reads = new Set(field.reads.claims);
    for (const { coordinate } of document.fields) {
      const declared = executable.resolved.get(coordinate);
      if (declared === null) return `single ${++singles}`;
      for (const claim of declared ?? []) reads.add(claim);
    }
    const claims = pickClaims(request.viewer.claims, [...reads].sort());
    const text = normalized(document.ast, operation, request.variables ?? {});
    return JSON.stringify([field.name, args, claims, text]);
  }

  return { open, schema, parse: documents };
}

export type Engine = ReturnType<typeof createEngine>;

/** The one root field of a subscription, and its arguments: every declared one, null when not given. */
function rootField(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  document: Document,
  variables: Record<string, unknown>,
): { field: string; node: Record<string, unknown> } {
  const type = schema.getSubscriptionType();
  let selections = operation.selectionSet.selections;
  for (;;) {
    const [first] = selections;
    if (first?.kind === Kind.FIELD) {
      const field = type?.getFields()[first.name.value];
      if (!field) throw new GraphQLError(`Nothing is streamed under "${first.name.value}".`);
      const given = getArgumentValues(field, first, variables);
      const args = Object.fromEntries(field.args.map(({ name }) => [name, given[name] ?? null]));
      return { field: field.name, node: args };
    }
    if (first?.kind === Kind.INLINE_FRAGMENT) selections = first.selectionSet.selections;
    else {
      const name = first?.name.value;
      const fragment = document.ast.definitions.find(
        (node) => node.kind === Kind.FRAGMENT_DEFINITION && node.name.value === name,
      );
      if (fragment?.kind !== Kind.FRAGMENT_DEFINITION) throw new GraphQLError('The subscription selects nothing.');
      selections = fragment.selectionSet.selections;
    }
  }
}
