import {
  type FetchFunction,
  type GraphQLResponse,
  Observable,
  type RequestParameters,
  type SubscribeFunction,
  type Variables,
} from 'relay-runtime';
import { errorOf, type SubscriptionError } from './live/failure.js';
import { clientOf, type LiveOptions } from './live/live-client.js';
import { type Result, type Subscriber, subscribeWith } from './live/subscriber.js';
import type { Gap } from './operation.js';
import type { Refusable } from './renewal.js';

export interface TailraceNetworkOptions {
  /** Where queries and mutations are sent, as `/graphql`. */
  readonly http: string;
  /** Gives the token, without `Bearer`, for each query and mutation; a `tokenSource` hears of one that was refused. */
  readonly token?: ((() => Promise<string> | string) & Refusable) | undefined;
  /** Where subscriptions go: a client, or the options of `liveClient`. */
  readonly live: Subscriber | LiveOptions;
  /** In place of the platform's. */
  readonly fetch?: typeof fetch | undefined;
  /** Events of a subscription were lost. Once per gap. */
  readonly onGap?: ((gap: Gap, request: RequestParameters, variables: Variables) => void) | undefined;
  /** Everything up to this cursor has come. With every event and every heartbeat. */
  readonly onCursor?: ((cursor: string, request: RequestParameters, variables: Variables) => void) | undefined;
  /** From here on nothing is missed. */
  readonly onReady?: ((request: RequestParameters, variables: Variables) => void) | undefined;
  /** An event of which nothing could be shown. Relay would end the subscription with it. */
  readonly onBadEvent?:
    | ((error: SubscriptionError, request: RequestParameters, variables: Variables) => void)
    | undefined;
}

/**
 * Both functions of Relay's network layer: subscriptions over the resuming WebSocket, queries and mutations over HTTP.
 *
 *     const { fetchQuery, subscribe } = tailraceNetwork({ http: '/graphql', token, live: { url, token } });
 *     const environment = new Environment({ network: Network.create(fetchQuery, subscribe), store });
 */
export function tailraceNetwork(options: TailraceNetworkOptions): {
  readonly fetchQuery: FetchFunction;
  readonly subscribe: SubscribeFunction;
} {
  const client = clientOf(options.live);
  return {
    fetchQuery: (request, variables) => post(options, bodyOf(request, variables)),
    subscribe: (request, variables) =>
      Observable.create((sink) => {
        const next = (result: Result) => {
          if (result.data == null) options.onBadEvent?.(errorOf(result.errors), request, variables);
          else sink.next(result as GraphQLResponse);
        };
        return subscribeWith(client, bodyOf(request, variables), {
          next,
          error: (cause) => sink.error(errorOf(cause)),
          complete: () => sink.complete(),
          gap: (gap) => options.onGap?.(gap, request, variables),
          cursor: (cursor) => options.onCursor?.(cursor, request, variables),
          ready: () => options.onReady?.(request, variables),
        });
      }),
  };
}

/** A persisted operation of Relay's compiler has an id and no text. */
function bodyOf({ id, text, name }: RequestParameters, variables: Variables) {
  return { query: text ?? '', ...(text === null ? { documentId: id } : {}), operationName: name, variables };
}

async function post(
  { http, token, fetch: go = fetch }: TailraceNetworkOptions,
  body: object,
): Promise<GraphQLResponse> {
  const given = await token?.();
  const response = await go(http, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json, application/json',
      ...(given === undefined ? {} : { authorization: `Bearer ${given}` }),
    },
    body: JSON.stringify(body),
  });
  if (response.status === 401) token?.refused?.(given);
  return response.json() as Promise<GraphQLResponse>;
}
