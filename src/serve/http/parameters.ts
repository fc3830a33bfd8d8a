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
