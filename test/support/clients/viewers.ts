import { eventSource } from './event-source.js';
import { type Hearing, type Resuming, resumingSse, resumingWebSocket } from './resuming.js';

/** Somebody on a page of this origin, who listens at this `/graphql`. */
export interface Page {
  readonly url: string;
  readonly origin: string;
}

export type Viewer = (page: Page, token: string, query: string, hearing: Hearing) => Promise<Resuming>;

/** As browsers have it, which signs in by what its page has: a ticket in the URL, or a cookie. */
function signedIn(
  page: Page,
  query: string,
  { result, ended }: Hearing,
  by: { search?: Record<string, string>; headers?: Record<string, string> },
): Resuming {
  let opens = 0;
  const close = eventSource({
    url: `${page.url}/stream?${new URLSearchParams({ query, ...by.search })}`,
    headers: by.headers ?? {},
    onOpen: () => void opens++,
    onNext: (data) => result(JSON.parse(data)),
    onEnd: ended,
    retry: () => 30 + Math.random() * 100,
  });
  return { reconnects: () => Math.max(0, opens - 1), close };
}

async function ticketOf({ url, origin }: Page, token: string): Promise<string> {
  const answer = await fetch(`${url}/ticket`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, origin },
  });
  return ((await answer.json()) as { ticket: string }).ticket;
}

/** The browser's own EventSource. */
export const native: Readonly<Record<string, Viewer>> = {
  'EventSource with a ticket': async (page, token, query, hearing) =>
    signedIn(page, query, hearing, { search: { ticket: await ticketOf(page, token) } }),
  'EventSource with a cookie': async (page, token, query, hearing) =>
    signedIn(page, query, hearing, {
      headers: { cookie: `tailrace_token=${token}`, 'sec-fetch-site': 'same-origin' },
    }),
};

/** Every way in which a page listens and goes on by itself. */
export const viewers: Readonly<Record<string, Viewer>> = {
  WebSocket: async ({ url }, ...rest) => resumingWebSocket(url, ...rest),
  'fetch streams': async ({ url }, ...rest) => resumingSse(url, ...rest),
  ...native,
};
