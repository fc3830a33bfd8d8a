import type { IncomingMessage, ServerResponse } from 'node:http';
import { Fault, limitExceeded } from '../event/faults.js';

/** An HTTP answer that is a fault: GraphQL's shape, the fault's status. */
export function answerFault(response: ServerResponse, fault: Fault): void {
  const headers: Record<string, string> = { 'Content-Type': 'application/json; charset=utf-8' };
  if (fault.status === 503 || fault.status === 429) headers['Retry-After'] = '1';
  if (fault.status === 401) headers['WWW-Authenticate'] = 'Bearer';
  answer(response, fault.status, { errors: [{ message: fault.message, extensions: fault.extensions }] }, headers);
}

export function answer(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store', ...headers });
  response.end(JSON.stringify(body));
}

/** A JSON object sent as body, at most `most` bytes. Throws Fault: too long, or not an object. */
export async function readJson(request: IncomingMessage, most: number): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > most) throw limitExceeded('messageBytes', most, length);
    chunks.push(chunk);
  }
  return jsonObject(Buffer.concat(chunks).toString(), 'the body');
}

export function jsonObject(text: string, what: string): Record<string, unknown> {
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // told below
  }
  throw new Fault('BAD_USER_INPUT', { why: `${what} must be a JSON object` });
}
