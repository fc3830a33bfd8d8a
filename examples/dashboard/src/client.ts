import { ApolloClient, InMemoryCache } from '@apollo/client';
import { tokenSource } from 'tailrace-client';
import { tailraceLink } from 'tailrace-client/apollo';
import { liveClient } from 'tailrace-client/live';

/** Whose payments: `?user=grace`. A real page knows it from its session. */
export const user = new URLSearchParams(location.search).get('user') ?? 'ada';

/** Asked when a token is needed and before it ends, once for all who wait. */
const token = tokenSource(async () => {
  const answer = await fetch(`/token?${new URLSearchParams({ user })}`);
  if (!answer.ok) throw new Error(`No token: ${answer.status}`);
  return answer.text();
});

/** One socket carries all subscriptions of the page, and each of them goes on where it was when it comes back. */
export const live = liveClient({ url: '/graphql', token });

/** Queries and mutations would go to an `HttpLink` behind it. */
export const apollo = new ApolloClient({ link: tailraceLink(live), cache: new InMemoryCache() });
