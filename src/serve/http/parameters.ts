import type { IncomingMessage } from 'node:http';
import { Fault } from '../../event/faults.js';
import type { Worded } from '../../graphql/operation/checks.js';
import { jsonObject } from '../answer.js';
import { urlOf } from '../identity/identify.js';

/** What stands beside the text of an operation (GraphQL over HTTP, section 5.1), on every transport. */
export type Parameters = Readonly<Record<string, unknown>>;

/** Undefined for what clients write in the place of what they do not have. */
const given = (value: unknown): unknown => (value === null || value === '' ? undefined : value);

/**
 * The same parameters, where null and an empty text are none: of an operation's name, by which clients of several operations
 * would be told that there are several, and of variables and extensions, of which they are told that they are no objects.
 */
export function givenOf<P extends Parameters>(parameters: P): P {
  const { operationName, variables, extensions } = parameters;
  return {
    ...parameters,
    operationName: given(operationName),
    variables: given(variables),
    extensions: given(extensions),
  };
}

/** The same of a message of `graphql-transport-ws`: for an empty text in the place of an object its library would end the socket. */
export function givenIn(message: unknown): unknown {
  const { type, payload } = (message ?? {}) as { readonly type?: unknown; readonly payload?: unknown };
  if (type !== 'subscribe' || typeof payload !== 'object' || payload === null) return message;
  return { ...(message as object), payload: givenOf(payload as Parameters) };
}

/** The name of an operation in a URL, where a client has written `null` for none as for the others. */
export function nameIn(params: URLSearchParams): string | undefined {
  const name = params.get('operationName');
  return name === null || name === 'null' ? undefined : name;
}

/** The operation of a request, in its body, or where that is null in its URL. Throws Fault where it is not so much as worded. */
export function wordedIn(request: IncomingMessage, body: string | null): Worded {
  const given = givenOf(body === null ? parametersIn(urlOf(request).searchParams) : jsonObject(body, 'the body'));
  const { query, documentId, operationName, variables, extensions } = given;
  if (operationName !== undefined && typeof operationName !== 'string') {
    throw new Fault('BAD_USER_INPUT', { why: 'operationName must be text' });
  }
  return {
    query,
    documentId,
    operationName,
    variables: objectOf(variables, 'variables'),
    extensions: objectOf(extensions, 'extensions'),
  };
}

function parametersIn(params: URLSearchParams): Record<string, unknown> {
  const json = (name: string) => {
    const text = params.get(name);
    return text && !['null', '""'].includes(text) ? jsonObject(text, name) : undefined;
  };
  return {
    query: params.get('query') ?? undefined,
    documentId: params.get('documentId') ?? undefined,
    operationName: nameIn(params),
    variables: json('variables'),
    extensions: json('extensions'),
  };
}

function objectOf(value: unknown, name: string): Record<string, unknown> | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Fault('BAD_USER_INPUT', { why: `${name} must be an object` });
}
