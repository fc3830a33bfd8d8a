import { renderGraphiQL } from '@graphql-yoga/render-graphiql';
import { type FormattedExecutionResult, GraphQLError } from 'graphql';
import { createYoga, type GraphiQLOptions, type Plugin } from 'graphql-yoga';
import { Fault, statusOf } from '../../event/faults.js';
import { mayHoldLongNumber, readJson } from '../../event/read-json.js';
import { writeForClients } from '../../event/write-json.js';
import type { Opened } from '../../graphql/engine.js';
import type { Worded } from '../../graphql/operation/checks.js';
import { masked, toGraphQLError } from '../../graphql/render/render.js';
import type { Observers } from '../../observe/observers.js';
import { retryAfter } from '../answer.js';
import { givenOf, nameIn, type Parameters } from '../parameters.js';

export interface YogaParts {
  /** Null: no GraphiQL. */
  readonly graphiql: GraphiQLOptions | null;
  readonly observers: Observers;
}

/** One request of an operation. */
export interface Asking {
  /** Null for what stands in the URL. */
  readonly body: string | null;
  /** Gives the operation to the engine. */
  open(worded: Worded): Promise<Opened>;
}

/** What Yoga gives to a plugin's `onParams`, as far as it is needed here. */
interface OnParams {
  readonly params: Readonly<Record<string, unknown>>;
  readonly request: { readonly url: string; readonly method: string };
  readonly context: object;
  setParams(params: object): void;
  setParamsHandler(handler: () => Promise<object>): void;
}

/** An error of the request itself, with its status whatever type the answer has. */
export const badRequest = (message: string, status: number, headers: Readonly<Record<string, string>> = {}) =>
  new GraphQLError(message, { extensions: { code: 'BAD_REQUEST', http: { status, headers } } });

/** A request's variables to the last digit: Yoga has read the same JSON, and rounded its whole numbers. Null where nothing is rounded. */
function exactVariablesIn(body: string | null, url: URLSearchParams): Worded['variables'] | null {
  const json = body ?? url.get('variables') ?? '';
  if (!mayHoldLongNumber(json)) return null;
  const given = readJson(json) as { readonly variables?: unknown };
  const variables = body === null ? given : given.variables;
  return typeof variables === 'object' ? (variables as Worded['variables']) : null;
}

function wordedFor({ params, request }: Pick<OnParams, 'params' | 'request'>, body: string | null): Worded {
  const { searchParams } = new URL(request.url);
  const inUrl = request.method === 'GET' ? { operationName: nameIn(searchParams) } : {};
  const parameters: Parameters = { ...params, ...inUrl };
  const { documentId = searchParams.get('documentId') ?? undefined, ...given } = givenOf(parameters);
  if (!['string', 'undefined'].includes(typeof given.operationName)) {
    throw badRequest('operationName must be text', 400);
  }
  const variables = exactVariablesIn(body, searchParams);
  return { ...given, documentId, ...(variables ? { variables } : {}) } as Worded;
}

/** The status of an operation that was not executed. `spec` is Yoga's word for "not for those who take only application/json". */
function withStatus(error: GraphQLError): GraphQLError {
  if (error.extensions.http) return error;
  const { message, nodes, source, positions, path, originalError } = error;
  const status = statusOf(error.extensions);
  const http = { status, spec: true, ...(status === 429 ? { headers: { 'Retry-After': retryAfter() } } : {}) };
  const extensions = { ...error.extensions, http };
  return new GraphQLError(message, { nodes, source, positions, path, originalError, extensions });
}

/** A result's JSON. A resolver may give a status to Yoga by `extensions.http` of its error, which is not for the client. */
function written({ errors, ...result }: FormattedExecutionResult): string {
  if (!errors) return writeForClients(result);
  const told = errors.map(({ extensions: { http, ...extensions } = {}, ...error }) =>
    Object.keys(extensions).length > 0 ? { ...error, extensions } : error,
  );
  return writeForClients({ errors: told, ...result });
}

const resultOf = (opened: Opened): object => {
  if (opened.kind === 'errors') return { errors: opened.errors.map(withStatus) };
  if (opened.kind === 'result') return { ...opened.result, stringify: written };
  throw new Error('a subscription was opened over HTTP');
};

/**
 * HTTP for queries and mutations, and GraphiQL's page: which parameters a request may have, the type and the status of its
 * answer. What an operation comes to, the engine says.
 */
export function yogaOf({ graphiql, observers }: YogaParts) {
  const engine = {
    onParams({ params, request, context, setParams, setParamsHandler }: OnParams) {
      const { body, open } = (context as { asking: Asking }).asking;
      const worded = wordedFor({ params, request }, body);
      const { documentId, query, ...others } = worded;
      const hasId = documentId !== undefined || worded.extensions !== undefined;
      // Yoga's own checks come after this, and know no document but a text.
      setParams({ ...others, query: hasId ? (query ?? '') : query });
      setParamsHandler(async () => resultOf(await open(worded)));
    },
  } as unknown as Plugin;
  return createYoga<{ asking: Asking }>({
    graphqlEndpoint: '/graphql',
    landingPage: false,
    cors: false,
    multipart: false,
    logging: false,
    graphiql: graphiql ?? false,
    renderGraphiQL,
    plugins: [engine],
    maskedErrors: {
      maskError: (error) =>
        error instanceof GraphQLError
          ? masked(error, observers.logger)
          : toGraphQLError(new Fault('INTERNAL_SERVER_ERROR', { id: '' })),
    },
  });
}
