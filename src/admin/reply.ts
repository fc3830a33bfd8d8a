import type { ServerResponse } from 'node:http';

/** What the admin port answers: plain text, unless its headers say otherwise. */
export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function send(response: ServerResponse, { status, text, headers }: Reply, headOnly: boolean): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store', ...headers });
  response.end(headOnly ? undefined : `${text.trimEnd()}\n`);
}
