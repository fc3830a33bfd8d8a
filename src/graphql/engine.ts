import {
  type ExecutionArgs,
  execute,
  type FormattedExecutionResult,
  type GraphQLError,
  type GraphQLSchema,
  type OperationTypeNode,
  subscribe,
} from 'graphql';
import { Fault } from '../event/faults.js';
import type { Peer } from '../observe/audit.js';
import type { StreamSchema } from '../schema/stream-schema.js';
import { exactFields } from '../schema/whole-numbers.js';
import { type Addressed, type Audience, audienceOf } from './audience.js';
import { contextFor } from './executable.js';
import { rootsOf } from './operation/access.js';
import { defaultBounds, type OperationBounds } from './operation/bounds.js';
import { type Checked, Checks, type Found, type Worded } from './operation/checks.js';
import { Documents } from './operation/documents.js';
import type { Operations } from './operation/persisted.js';
import { errorsOf } from './operation/refused.js';
import { askedOf, rootField } from './operation/root-fields.js';
import { encoded, formatted, internal, masked } from './render/render.js';
import { Resolved, type Results } from './running/resolved.js';
import type { Running } from './running/running.js';
import type { StartRequest } from './running/start.js';
import { Streams, type StreamsParts } from './streams.js';
import type { Viewer } from './viewer.js';

export interface EngineParts extends Omit<StreamsParts, 'checks'> {
  readonly streams: StreamSchema;
  readonly introspection: boolean;
  /** Default: any, and none persisted. */
  readonly operations?: Operations;
  readonly limits: StreamsParts['limits'] & Partial<OperationBounds>;
}

export type OperationKind = `${OperationTypeNode}`;

/** An operation as any transport brings it. */
export interface OperationRequest extends Worded, StartRequest {
  readonly viewer: Viewer;
  /** What the audit log says of where it came from. */
  readonly peer?: Peer;
  /** Throws a GraphQLError for a kind that does not come over this transport. Default: each does. */
  readonly takes?: (kind: OperationKind) => void;
  /** Asked before it begins, when all else is in order. Throws Fault when it may not begin now. */
  readonly admit?: (kind: OperationKind, roots: number) => Promise<void>;
}

export type Opened =
  | Running
  | { readonly kind: 'result'; readonly result: FormattedExecutionResult }
  | {
      readonly kind: 'errors';
      readonly errors: readonly GraphQLError[];
      /** False where there was not so much as a document: no text, and no id of a persisted one. */
      readonly named: boolean;
    };

/**
 * The one path by which every transport parses, validates, checks access and starts an operation. What comes of it is
 * audited and counted here and nowhere else: a transport only tells its client.
 */
export class Engine {
  readonly schema: GraphQLSchema;
  readonly #checks: Checks;
  readonly #streams: Streams;

  constructor(private readonly parts: EngineParts) {
    const { streams, executable, introspection, operations } = parts;
    const { logger } = parts.observers;
    const { schema } = executable;
    const bounds = { ...defaultBounds, ...parts.limits };
    const documents = new Documents({ schema, introspection, bounds, operations, logger });
    this.schema = schema;
    this.#checks = new Checks({ schema, streams, documents, introspection, bounds });
    this.#streams = new Streams({ ...parts, checks: this.#checks });
  }

  /** A refusal is a result too; rejects only where the server fails. */
  async open(request: OperationRequest): Promise<Opened> {
    let found: Found | null = null;
    try {
      found = this.#checks.find(request);
      request.takes?.(found.operation.operation);
      return await this.#begin(this.#checks.check(found, request, request.viewer), request);
    } catch (error) {
      const errors = errorsOf(error, this.parts.observers.logger);
      if (errors === null) throw error;
      this.#count(errors);
      this.#auditRefusal(request, found, errors[0]);
      // A Fault that comes before an operation is found is one of its document (`Documents.of`).
      return { kind: 'errors', errors, named: found !== null || !(error instanceof Fault) };
    }
  }

  /** Whether a query, a mutation or a subscription is meant; null where `open` would say that it is none of them. Never throws. */
  kindOf(worded: Worded): OperationKind | null {
    try {
      return this.#checks.meant(worded).operation.operation;
    } catch {
      return null;
    }
  }

  /** Who would get these events now. */
  audience(events: readonly Addressed[]): Audience {
    return audienceOf(this.#streams.groups.all(), events);
  }

  async #begin(checked: Checked, request: OperationRequest): Promise<Opened> {
    const { operation, document, coerced, fields } = checked;
    await request.admit?.(operation.operation, rootsOf(fields));
    if (operation.operation !== 'subscription') return this.#execute(checked, request);
    const { field, args } = rootField(this.schema, operation, document.ast, coerced);
    const stream = this.parts.streams.fields.get(field);
    const opened = stream
      ? await this.#streams.open(checked, stream, args, request)
      : await this.#subscribe(checked, field, request);
    if (opened.kind === 'running')
      this.parts.observers.audit({ event: 'subscribed', ...witnessed(request), field, args });
    return opened;
  }

  async #execute(checked: Checked, request: OperationRequest): Promise<Opened> {
    const result = formatted(
      await execute(this.#argsFor(checked, request, request.viewer)),
      this.parts.observers.logger,
    );
    const [error] = result.errors ?? [];
    const code = error ? codeOf(error) : null;
    this.parts.observers.audit({ event: 'executed', ...witnessed(request), asked: this.#asked(checked), code });
    return { kind: 'result', result };
  }

  /** A subscription by a resolver in code. One that gives no stream has refused it. */
  async #subscribe(checked: Checked, field: string, request: OperationRequest): Promise<Opened> {
    const { logger } = this.parts.observers;
    const { viewer, operationName } = request;
    const results = await subscribe(this.#argsFor(checked, request, viewer));
    if (!(Symbol.asyncIterator in results)) {
      const result = formatted(results, logger);
      this.#auditRefusal(request, checked, result.errors?.[0]);
      return { kind: 'result', result };
    }
    const again = async (renewedViewer: Viewer): Promise<Results> => {
      this.#checks.admit(checked.fields, renewedViewer);
      const renewed = await subscribe(this.#argsFor(checked, { operationName }, renewedViewer));
      if (Symbol.asyncIterator in renewed) return renewed;
      const [error] = renewed.errors ?? [];
      throw new Fault('FORBIDDEN', { why: error ? masked(error, logger).message : 'nothing is streamed any more' });
    };
    return new Resolved(field, viewer, results, {
      subscribe: again,
      encode: (result) => encoded(result, logger),
      masked: (error) => internal(error, logger),
    });
  }

  #argsFor({ document, variables }: Checked, { operationName = null }: Worded, viewer: Viewer): ExecutionArgs {
    return {
      schema: this.schema,
      document: document.ast,
      operationName,
      variableValues: variables,
      contextValue: contextFor(viewer, this.parts.pubsub),
      fieldResolver: exactFields,
    };
  }

  #asked({ operation, document, variables }: Found) {
    return askedOf(this.schema, operation, document.ast, variables ?? {});
  }

  #count([first]: readonly GraphQLError[]): void {
    const { metrics } = this.parts.observers;
    const { limit } = first?.extensions ?? {};
    const code = codeOf(first);
    metrics.refusedOperation(code);
    if (code === 'LIMIT_EXCEEDED') metrics.limited(String(limit));
  }

  #auditRefusal(
    request: OperationRequest,
    found: Found | null,
    error: { readonly extensions?: Readonly<Record<string, unknown>> } | undefined,
  ): void {
    const asked = found ? { asked: this.#asked(found) } : {};
    const { paths } = error?.extensions ?? {};
    this.parts.observers.audit({ event: 'refused', ...witnessed(request), ...asked, code: codeOf(error), paths });
  }
}

const witnessed = ({ viewer, peer }: OperationRequest) => ({ claims: viewer.claims, peer: peer ?? null });

const codeOf = (error: { readonly extensions?: Readonly<Record<string, unknown>> } | undefined): string =>
  String(error?.extensions?.code ?? 'UNKNOWN');
