import { eventSource } from './event-source.js';
import { type Hearing, type Resuming, resumingSse, resumingWebSocket } from './resuming.js';

/** Somebody on a page of this origin, who listens at this `/graphql`. */
export interface Page {
  readonly url: string;
  readonly origin: string;
}

export type Viewer = (page: Page, token: string, query: string, hearing: Hearing) => Promise<Resuming>;

/** As browsers have it, which signs in by what its page has: a ticket in the URL, or a cookie. */
function native(search: Record<string, string>, headers: Record<string, string>): Viewer {
  return async ({ url }, _, query, { result, ended }) => {
    let opens = 0;
    const close = eventSource({
      url: `${url}/stream?${new URLSearchParams({ query, ...search })}`,
      headers,
      onOpen: () => void opens++,
      onNext: (data) => result(JSON.parse(data)),
      onEnd: ended,
      retry: () => 30 + Math.random() * 100,
    });
    return { reconnects: () => Math.max(0, opens - 1), close };
  };
}

/** Every way in which a page listens and goes on by itself. */
export const viewers: Readonly<Record<string, Viewer>> = {
  WebSocket: async ({ url }, ...rest) => resumingWebSocket(url, ...rest),
  'fetch streams': async ({ url }, ...rest) => resumingSse(url, ...rest),
  async 'EventSource with a ticket'(page, token, ...rest) {
    const headers = { authorization: `Bearer ${token}`, origin: page.origin };
    const answer = await fetch(`${page.url}/ticket`, { method: 'POST', headers });
    const { ticket } = (await answer.json()) as { ticket: string };
    return native({ ticket }, {})(page, token, ...rest);
  },
  'EventSource with a cookie': (page, token, ...rest) =>
    native({}, { cookie: `tailrace_token=${token}`, 'sec-fetch-site': 'same-origin' })(page, token, ...rest),
};
