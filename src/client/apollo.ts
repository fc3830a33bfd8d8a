import { ApolloLink, CombinedGraphQLErrors, Observable } from '@apollo/client';
import { tells } from './live/context.js';
import { textOf } from './live/document.js';
import { errorOf } from './live/failure.js';
import { clientOf, type LiveOptions } from './live/live-client.js';
import { type Subscriber, subscribeWith } from './live/subscriber.js';

export type { TailraceContext } from './live/context.js';

/**
 * A link of Apollo Client 4 that brings subscriptions over the resuming WebSocket; queries and mutations go to the link behind
 * it. Takes a client, or the options of `liveClient`.
 *
 *     const link = ApolloLink.from([tailraceLink({ url, token }), new HttpLink({ uri })]);
 */
export function tailraceLink(given: Subscriber | LiveOptions): ApolloLink {
  const client = clientOf(given);
  return new ApolloLink((operation, forward) =>
    operation.operationType === 'subscription' ? live(client, operation) : forward(operation),
  );
}

function live(client: Subscriber, operation: ApolloLink.Operation): Observable<ApolloLink.Result> {
  const { query, variables, operationName, extensions } = operation;
  return new Observable((observer) =>
    subscribeWith(
      client,
      { query: textOf(query), variables, operationName: operationName ?? null, extensions },
      {
        next: (result) => observer.next(result as ApolloLink.Result),
        error: (cause) => observer.error(apolloErrorOf(cause)),
        complete: () => observer.complete(),
        ...tells(operation.getContext()),
      },
    ),
  );
}

/** As Apollo's own links tell it. */
function apolloErrorOf(cause: unknown): Error {
  return Array.isArray(cause) ? new CombinedGraphQLErrors({ errors: cause }) : errorOf(cause);
}
