import type { IncomingMessage, ServerResponse } from 'node:http';

/** Tells a browser that a page of the request's origin, which was found to be allowed, may read the answer. */
export function allowOrigin({ headers: { origin } }: IncomingMessage, response: ServerResponse): void {
  if (!origin) return;
  response.setHeader('Vary', 'Origin');
  response.setHeader('Access-Control-Allow-Origin', origin);
  response.setHeader('Access-Control-Allow-Credentials', 'true');
  response.setHeader('Access-Control-Expose-Headers', 'Tailrace-Stream, Retry-After');
}

/** Ends a browser's question what a page may send. Beside `allowOrigin`. */
export function answerPreflight({ headers }: IncomingMessage, response: ServerResponse): void {
  if (headers.origin) {
    response.setHeader('Access-Control-Allow-Methods', 'GET, POST');
    // Headers that it asks for, whatever they are: a page that may send tokens may send the headers of its tracing too.
    const asked = headers['access-control-request-headers'];
    if (asked) response.setHeader('Access-Control-Allow-Headers', asked);
    response.setHeader('Access-Control-Max-Age', '600');
  }
  response.writeHead(204).end();
}
