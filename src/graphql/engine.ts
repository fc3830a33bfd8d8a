import {
  execute,
  type FormattedExecutionResult,
  GraphQLError,
  getVariableValues,
  type OperationDefinitionNode,
  type OperationTypeNode,
  subscribe,
} from 'graphql';
import type { CursorCodec } from '../event/cursor.js';
import { Fault, limitExceeded } from '../event/faults.js';
import { Group, type GroupPlan } from '../hub/group.js';
import { createGroups } from '../hub/groups.js';
import type { Hub } from '../hub/hub.js';
import type { Outlet } from '../hub/outlet.js';
import type { Start } from '../hub/subscription/start.js';
import { Subscription } from '../hub/subscription/subscription.js';
import { LogUnavailable } from '../log/channel-log.js';
import type { Asked, Audit, Peer } from '../observe/audit.js';
import type { Logger } from '../observe/logger.js';
import type { GatewayMetrics } from '../observe/metrics.js';
import type { StreamField, StreamSchema } from '../schema/stream-schema.js';
import { exactFields, exactVariables } from '../schema/whole-numbers.js';
import { type Addressed, audienceOf } from './audience.js';
import type { Context, Executable, PubSub } from './executable.js';
import { groupKey } from './group-key.js';
import { hopelessTeller } from './hopeless.js';
import { refuse, rootsOf, type SelectedField } from './operation/access.js';
import { defaultBounds, isTooDeep, type OperationBounds } from './operation/bounds.js';
import {
  coded,
  type Document,
  documentCache,
  fieldsOf,
  isDocument,
  operationOf,
  type Parsed,
} from './operation/operation.js';
import { anyOperation, documentOf, type Named, type Operations } from './operation/persisted.js';
import { askedOf, rootField } from './operation/root-fields.js';
import { encoded, formatted, internal, masked, renderer, toGraphQLError } from './render/render.js';
import { Resolved, type Results } from './running/resolved.js';
import type { Running } from './running/running.js';
import { type StartRequest, startOf } from './running/start.js';
import { Stream } from './running/stream.js';
import type { Viewer } from './viewer.js';

export interface EngineParts {
  readonly streams: StreamSchema;
  readonly executable: Executable;
  readonly hub: Hub;
  readonly cursors: CursorCodec;
  readonly pubsub: PubSub;
  readonly metrics: GatewayMetrics;
  readonly logger: Logger;
  /** Default: nobody is told. */
  readonly audit?: Audit;
  readonly now: () => number;
  readonly introspection: boolean;
  /** Default: any, and none persisted. */
  readonly operations?: Operations;
  readonly limits: {
    readonly channelsPerSubscription: number;
    readonly rewindScan: number;
    /** Entries. Default: without a limit. */
    readonly replay?: number;
  } & Partial<OperationBounds>;
}

/** An operation as any transport brings it. */
export interface OperationRequest extends StartRequest {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  readonly viewer: Viewer;
  /** What the audit log says of where it came from. */
  readonly peer?: Peer;
  /** Asked before it begins, when all else is in order. Throws Fault when it may not begin now. */
  readonly admit?: (kind: `${OperationTypeNode}`, roots: number) => Promise<void>;
}

export type Opened =
  | Running
  | { readonly kind: 'result'; readonly result: FormattedExecutionResult }
  | { readonly kind: 'errors'; readonly errors: readonly GraphQLError[] };

/** The one path by which every transport parses, validates, checks access and starts an operation. */
export function createEngine(parts: EngineParts) {
  const { streams, executable, hub, cursors, metrics, logger, audit = () => {} } = parts;
  const { schema } = executable;
  const bounds = { ...defaultBounds, ...parts.limits };
  const cache = documentCache(schema, parts.introspection, bounds);
  const { operations = anyOperation } = parts;
  // Beside the cache: what strangers send must not push them out of it.
  const persisted = new Map<string, Parsed>();
  for (const [id, text] of operations.persisted) {
    const parsed = cache(text);
    persisted.set(text, parsed);
    if (!isDocument(parsed)) logger.warn({ id, why: parsed[0]?.message }, 'A persisted operation cannot be executed');
  }
  const documents = (text: string): Parsed => persisted.get(text) ?? cache(text);
  const groups = createGroups(
    (plan) => new Group(plan, hub, cursors, metrics, parts.now),
    (group) => group.leave(),
    metrics.groups,
  );
  const tellHopeless = hopelessTeller(metrics, logger);
  let singles = 0;

  const contextFor = (viewer: Viewer): Context => ({ viewer, claims: viewer.claims, pubsub: parts.pubsub });

  const errors = (...list: GraphQLError[]): Opened => {
    const { code, limit } = list[0]?.extensions ?? {};
    metrics.refusedOperation(String(code ?? 'UNKNOWN'));
    if (code === 'LIMIT_EXCEEDED') metrics.limited(String(limit));
    return { kind: 'errors', errors: list };
  };

  /** What the types of an operation's variables make of a client's JSON. */
  const variablesOf = (operation: OperationDefinitionNode, raw: Readonly<Record<string, unknown>>) =>
    getVariableValues(schema, operation.variableDefinitions ?? [], raw, { hideSuggestions: !parts.introspection });

  /** A client's JSON as graphql-js can coerce it, to the last digit of its whole numbers. */
  const exactOf = (operation: OperationDefinitionNode, raw: Readonly<Record<string, unknown>>) =>
    exactVariables(schema, operation, raw);

  /** What is wrong with the JSON beside an operation's text, or null. */
  function excessIn(...values: readonly unknown[]): GraphQLError | null {
    const { jsonDepth: most } = bounds;
    const tooDeep = values.some((value) => isTooDeep(value, most));
    return tooDeep ? toGraphQLError(limitExceeded('jsonDepth', most, most + 1)) : null;
  }

  /** Throws Fault when this viewer may not ask for these fields. */
  function admit(fields: readonly SelectedField[], viewer: Viewer): void {
    const refused = refuse(streams, fields, viewer);
    if (refused) throw refused;
  }

  async function open(request: OperationRequest): Promise<Opened> {
    const opened = await begin(request);
    if (opened.kind === 'running') return opened;
    const [error] = opened.kind === 'errors' ? opened.errors : (opened.result.errors ?? []);
    const { code = 'UNKNOWN', paths } = error?.extensions ?? {};
    const asked = askedIn(request);
    // A resolver that gives no stream has refused it.
    if (opened.kind === 'result' && asked && asked.kind !== 'subscription') {
      audit({ event: 'executed', ...witnessed(request), asked, code: error ? String(code) : null });
    } else audit({ event: 'refused', ...witnessed(request), ...(asked ? { asked } : {}), code: String(code), paths });
    return opened;
  }

  /** Null where it is no valid operation. */
  function askedIn({ query, operationName, variables }: OperationRequest): Asked | null {
    const document = documents(query);
    const operation = isDocument(document) ? operationOf(document.ast, operationName) : null;
    if (!isDocument(document) || operation === null || operation instanceof GraphQLError) return null;
    // What nests too deep was refused, and is nothing to go through.
    const exact = excessIn(variables) ? {} : exactOf(operation, variables ?? {});
    return askedOf(schema, operation, document.ast, exact);
  }

  const witnessed = ({ viewer, peer }: OperationRequest) => ({ claims: viewer.claims, peer: peer ?? null });

  async function begin(request: OperationRequest): Promise<Opened> {
    const excess = excessIn(request.variables, request.extensions);
    if (excess) return errors(excess);
    const document = documents(request.query);
    if (!isDocument(document)) return errors(...document);
    const operation = operationOf(document.ast, request.operationName);
    if (operation instanceof GraphQLError) return errors(operation);
    const fields = fieldsOf(() => document.fields(operation));
    if (fields instanceof GraphQLError) return errors(fields);
    const refused = refuse(streams, fields, request.viewer);
    if (refused) return errors(toGraphQLError(refused));
    const raw = exactOf(operation, request.variables ?? {});
    const { coerced, errors: wrong } = variablesOf(operation, raw);
    if (wrong) return errors(...wrong.map((error) => coded(error, 'BAD_USER_INPUT')));

    const args = {
      schema,
      document: document.ast,
      operationName: request.operationName ?? null,
      variableValues: raw,
      contextValue: contextFor(request.viewer),
      fieldResolver: exactFields,
    };
    try {
      await request.admit?.(operation.operation, rootsOf(fields));
      if (operation.operation !== 'subscription') {
        return { kind: 'result', result: formatted(await execute(args), logger) };
      }
      const { field, args: given } = rootField(schema, operation, document.ast, coerced);
      const stream = streams.fields.get(field);
      const began = () => audit({ event: 'subscribed', ...witnessed(request), field, args: given });
      if (stream) {
        const opened = await openStream({ ...request, variables: raw }, document, operation, stream, given, coerced);
        began();
        return opened;
      }
      const results = await subscribe(args);
      if (!(Symbol.asyncIterator in results)) return { kind: 'result', result: formatted(results, logger) };
      began();
      return new Resolved(field, request.viewer, results, {
        async subscribe(viewer): Promise<Results> {
          admit(fields, viewer);
          const renewed = await subscribe({ ...args, contextValue: contextFor(viewer) });
          if (Symbol.asyncIterator in renewed) return renewed;
          const [error] = renewed.errors ?? [];
          throw new Fault('FORBIDDEN', { why: error ? masked(error, logger).message : 'nothing is streamed any more' });
        },
        encode: (result) => encoded(result, logger),
        masked: (error) => internal(error, logger),
      });
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

  async function openStream(
    request: OperationRequest,
    document: Document,
    operation: OperationDefinitionNode,
    field: StreamField,
    args: Record<string, unknown>,
    coerced: Record<string, unknown>,
  ): Promise<Stream> {
    const { start: begin, onGap } = startOf(
      schema,
      operation,
      coerced,
      request,
      field.name,
      cursors,
      parts.limits.rewindScan,
    );
    // The closures below live as long as the operation, and the whole request would with them.
    const { variables: given, operationName = null } = request;
    const variables = given ?? {};

    function plan(viewer: Viewer): GroupPlan {
      admit(document.fields(operation), viewer);
      const channels = field.channels(args, viewer.claims);
      const { channelsPerSubscription: most } = parts.limits;
      if (channels.length > most) throw limitExceeded('channelsPerSubscription', most, channels.length);
      const lacks = field.lacks(args, viewer.claims);
      if (lacks) tellHopeless(field.name, lacks);
      const projection = {
        schema,
        document: document.ast,
        operationName,
        variables,
        field: field.name,
        context: contextFor(viewer),
      };
      const key = groupKey({ document, operation, variables, field, args, viewer }, executable);
      return {
        key: key ?? `single ${++singles}`,
        field: field.name,
        topic: field.topic,
        retain: field.retention.retain,
        channels,
        routes: field.fingerprint,
        conflation: field.conflation,
        permit: ({ event, record }) => field.permit(event, args, viewer.claims, record),
        render: renderer(projection, metrics, logger),
      };
    }

    function seat(group: Group, outlet: Outlet, start: Start): Subscription {
      const onClose = () => {
        metrics.subscribed(field.name, -1);
        groups.left(group);
      };
      const { rewindScan, replay } = parts.limits;
      const bounds = { rewindScan, ...(replay === undefined ? {} : { replay }) };
      const subscription = new Subscription({ group, outlet, hub, metrics, logger, onGap, ...bounds, onClose });
      metrics.subscribed(field.name, 1);
      // By the log's clock, as what it has is told: this machine's may be an hour ahead of it. Or that one has leapt: what
      // is told by its record's own time would be older than every start.
      const time = Math.max(0, ...hub.heads().map((head) => head.time));
      void subscription.start(start, Math.min(time, parts.now()));
      return subscription;
    }

    return new Stream({ groups, plan, seat }, await groups.enter(plan(request.viewer)), begin);
  }

  /** The text of what a request asks for. Throws Fault. */
  const textOf = (named: Named) => documentOf(named, operations);

  const audience = (events: readonly Addressed[]) => audienceOf(groups.all(), events);

  return { open, schema, parse: documents, textOf, excessIn, variablesOf, exactOf, audience };
}

export type Engine = ReturnType<typeof createEngine>;
