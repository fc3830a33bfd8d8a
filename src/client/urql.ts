import {
  type Exchange,
  makeErrorResult,
  makeResult,
  type Operation,
  type OperationResult,
  stringifyDocument,
} from '@urql/core';
import { filter, make, merge, mergeMap, pipe, type Source, takeUntil } from 'wonka';
import { tells } from './live/context.js';
import { errorOf } from './live/failure.js';
import { clientOf, type LiveOptions } from './live/live-client.js';
import { type Request, type Subscriber, subscribeWith } from './live/subscriber.js';

export type { TailraceContext } from './live/context.js';

/**
 * An exchange of urql (core 6) that brings subscriptions over the resuming WebSocket; all else goes on to the exchanges
 * behind it. Takes a client, or the options of `liveClient`.
 *
 *     new Client({ url, exchanges: [cacheExchange, tailraceExchange({ url, token }), fetchExchange] });
 */
export function tailraceExchange(given: Subscriber | LiveOptions): Exchange {
  const client = clientOf(given);
  return ({ forward }) =>
    (operations) => {
      const ends = ({ key }: Operation) =>
        pipe(
          operations,
          filter((other) => other.kind === 'teardown' && other.key === key),
        );
      const results = pipe(
        operations,
        filter(isSubscription),
        mergeMap((operation) => pipe(live(client, operation), takeUntil(ends(operation)))),
      );
      const rest = pipe(
        operations,
        filter((operation) => !isSubscription(operation)),
        forward,
      );
      return merge([results, rest]);
    };
}

const isSubscription = ({ kind }: Operation) => kind === 'subscription';

function live(client: Subscriber, operation: Operation): Source<OperationResult> {
  return make(({ next, complete }) => {
    let last: OperationResult | null = null;
    return subscribeWith(client, requestOf(operation), {
      // Made anew each time: urql's own exchange merges results, and an event would carry the errors of the one before it.
      next(result) {
        last = makeResult(operation, { ...result, hasNext: true } as Parameters<typeof makeResult>[1]);
        next(last);
      },
      error(cause) {
        const error = errorOf(cause);
        next(
          error.errors
            ? makeResult(operation, { errors: error.errors, hasNext: false } as Parameters<typeof makeResult>[1])
            : makeErrorResult(operation, error),
        );
        complete();
      },
      complete() {
        if (last) next({ ...last, hasNext: false });
        complete();
      },
      ...tells(operation.context),
    });
  });
}

function requestOf({ query, variables, extensions }: Operation): Request {
  return { query: stringifyDocument(query), variables: variables ?? null, extensions };
}
