import { renderGraphiQL } from '@graphql-yoga/render-graphiql';
import { type DocumentNode, GraphQLError } from 'graphql';
import { createYoga, type GraphiQLOptions, type Plugin } from 'graphql-yoga';
import { Fault, statusOf } from '../../event/faults.js';
import { mayHoldLongNumber, readJson } from '../../event/read-json.js';
import { writeForClients } from '../../event/write-json.js';
import type { Engine } from '../../graphql/engine.js';
import type { Executable, PubSub } from '../../graphql/executable.js';
import { refuse, rootsOf, selectedFields } from '../../graphql/operation/access.js';
import { coded, fieldsOf, isDocument, operationOf as operationNamed } from '../../graphql/operation/operation.js';
import { askedOf } from '../../graphql/operation/root-fields.js';
import { masked, toGraphQLError } from '../../graphql/render/render.js';
import type { Viewer } from '../../graphql/viewer.js';
import type { Asked, Audit, Peer } from '../../observe/audit.js';
import type { Logger } from '../../observe/logger.js';
import type { GatewayMetrics } from '../../observe/metrics.js';
import type { StreamSchema } from '../../schema/stream-schema.js';
import { exactFields } from '../../schema/whole-numbers.js';
import { retryAfter } from '../answer.js';
import type { Admit } from '../limits/admission.js';
import { givenOf, nameIn } from './parameters.js';

export interface YogaParts {
  readonly engine: Engine;
  readonly streams: StreamSchema;
  readonly executable: Executable;
  readonly pubsub: PubSub;
  /** Null: no GraphiQL. */
  readonly graphiql: GraphiQLOptions | null;
  readonly metrics: GatewayMetrics;
  readonly logger: Logger;
  readonly audit: Audit;
}

interface YogaContext {
  readonly viewer: Viewer;
  readonly admit: Admit;
  readonly asking: Asking;
}

interface OnParams {
  readonly params: {
    readonly query?: unknown;
    readonly operationName?: unknown;
    readonly variables?: unknown;
    readonly extensions?: unknown;
    readonly documentId?: unknown;
  };
  readonly request: { readonly url: string; readonly method: string };
  readonly context: object;
  setParams(params: object): void;
  setResult(result: object): void;
}

/** One request: who comes, from where, and for what, once that is understood. */
export interface Asking {
  readonly viewer: Viewer | null;
  /** Null only where there is no viewer: for a page. */
  readonly admit: Admit | null;
  readonly peer: Peer;
  /** Null for what stands in the URL. */
  readonly body: string | null;
  asked?: Asked;
}

interface OnResultProcess {
  readonly result: { readonly errors?: readonly GraphQLError[] };
  readonly serverContext: object;
  setResult(result: object): void;
}

const refusal = (message: string) =>
  new GraphQLError(message, { extensions: { code: 'BAD_REQUEST', http: { status: 400 } } });

/** Yoga has read the same JSON, and rounded its whole numbers. Null where there is nothing to be rounded. */
function variablesIn(body: string | null, url: URLSearchParams): Readonly<Record<string, unknown>> | null {
  const json = body ?? url.get('variables') ?? '';
  if (!mayHoldLongNumber(json)) return null;
  const given = readJson(json) as { readonly variables?: unknown };
  const variables = body === null ? given : given.variables;
  return typeof variables === 'object' ? (variables as Readonly<Record<string, unknown>> | null) : null;
}

/** Null when it went well. */
async function faultOf(work: Promise<void>): Promise<Fault | null> {
  try {
    await work;
    return null;
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}

/** The status of an operation that was not executed. `spec` is Yoga's word for "not for those who take only application/json". */
function withStatus(error: GraphQLError): GraphQLError {
  if (error.extensions.http) return error;
  const { message, nodes, source, positions, path, originalError } = error;
  const status = statusOf(error.extensions);
  const http = { status, spec: true, ...(status === 429 ? { headers: { 'Retry-After': retryAfter() } } : {}) };
  return new GraphQLError(message, {
    nodes,
    source,
    positions,
    path,
    originalError,
    extensions: { ...error.extensions, http },
  });
}

/** GraphiQL, queries and mutations over HTTP. Subscriptions never come here. */
export function yogaOf(parts: YogaParts) {
  const { engine, executable, streams, pubsub, logger, metrics } = parts;
  const guard: Plugin<YogaContext> = {
    onParams({ params, request, context: serverContext, setParams, setResult }: OnParams) {
      const { searchParams } = new URL(request.url);
      const { documentId = searchParams.get('documentId') ?? undefined, ...rest } = givenOf(
        request.method === 'GET' ? { ...params, operationName: nameIn(searchParams) } : params,
      );
      const { operationName, extensions } = rest;
      const excess = engine.excessIn(rest.variables, extensions);
      if (excess) return setResult({ errors: [excess] });
      // Without any of them, Yoga says so in the words of the specification.
      if (typeof rest.query !== 'string' && documentId === undefined && !extensions) return;
      if (typeof operationName !== 'string' && operationName !== undefined) {
        return setResult({ errors: [refusal('operationName must be text')] });
      }
      let query: string;
      try {
        query = engine.textOf({ ...rest, documentId });
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        // Yoga looks at them still, and would miss a text.
        setParams({ ...rest, query: '' });
        return setResult({ errors: [toGraphQLError(error)] });
      }
      setParams({ ...rest, query });
      const parsed = engine.parse(query);
      if (!isDocument(parsed)) return setResult({ errors: parsed });
      const operation = operationNamed(parsed.ast, operationName);
      if (operation instanceof GraphQLError) return setResult({ errors: [operation] });
      const { body } = (serverContext as { asking: Asking }).asking;
      const variables = variablesIn(body, searchParams);
      if (variables) setParams({ ...rest, query, variables: engine.exactOf(operation, variables) });
    },
    async onExecute({ args, setResultAndStopExecution }) {
      const document = args.document as DocumentNode;
      const operation = operationNamed(document, args.operationName);
      if (operation instanceof GraphQLError) return setResultAndStopExecution({ errors: [operation] });
      const fields = fieldsOf(() => selectedFields(executable.schema, document, operation));
      if (fields instanceof GraphQLError) return setResultAndStopExecution({ errors: [fields] });
      const { viewer, admit, asking } = args.contextValue;
      asking.asked = askedOf(executable.schema, operation, document, args.variableValues);
      const refused = refuse(streams, fields, viewer);
      if (refused) return setResultAndStopExecution({ errors: [toGraphQLError(refused)] });
      const { errors } = engine.variablesOf(operation, args.variableValues ?? {});
      if (errors) return setResultAndStopExecution({ errors: errors.map((error) => coded(error, 'BAD_USER_INPUT')) });
      args.fieldResolver = exactFields;
      const fault = await faultOf(admit(operation.operation, rootsOf(fields)));
      if (fault) setResultAndStopExecution({ errors: [toGraphQLError(fault)] });
    },
    onSubscribe({ setResultAndStopExecution }: { setResultAndStopExecution(result: object): void }) {
      const message = 'Subscriptions come over WebSocket or with "Accept: text/event-stream".';
      setResultAndStopExecution({ errors: [refusal(message)] });
    },
    onResultProcess({ result, setResult, serverContext }: OnResultProcess) {
      const { viewer, peer, asked } = (serverContext as { asking: Asking }).asking;
      const by = { claims: viewer?.claims ?? null, peer, ...(asked ? { asked } : {}) };
      const [error] = result.errors ?? [];
      const { code = 'UNKNOWN', limit, paths } = error?.extensions ?? {};
      if (!result.errors || 'data' in result) {
        setResult({ ...result, stringify: writeForClients });
        if (asked) parts.audit({ event: 'executed', ...by, asked, code: error ? String(code) : null });
        return;
      }
      if (code === 'LIMIT_EXCEEDED') metrics.limited(String(limit));
      parts.audit({ event: 'refused', ...by, code: String(code), paths });
      setResult({ ...result, errors: result.errors.map(withStatus) });
    },
  } as Plugin<YogaContext>;
  return createYoga<never, YogaContext>({
    schema: executable.schema as never,
    graphqlEndpoint: '/graphql',
    landingPage: false,
    cors: false,
    multipart: false,
    logging: false,
    graphiql: parts.graphiql ?? false,
    renderGraphiQL,
    plugins: [guard as never],
    context: ({ asking }: { asking: Asking }) =>
      ({ viewer: asking.viewer, admit: asking.admit, claims: asking.viewer?.claims ?? {}, pubsub }) as never,
    maskedErrors: {
      maskError: (error) =>
        error instanceof GraphQLError
          ? masked(error, logger)
          : toGraphQLError(new Fault('INTERNAL_SERVER_ERROR', { id: '' })),
    },
  });
}
