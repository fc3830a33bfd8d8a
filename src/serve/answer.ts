import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { Fault, limitExceeded } from '../event/faults.js';
import { readJson } from '../event/read-json.js';
import type { GatewayLimits } from './limits/limits.js';

/** Seconds. Who was refused together shall not come back together. */
export const retryAfter = (): string => String(1 + Math.floor(Math.random() * 5));

/** An HTTP answer that is a fault: GraphQL's shape, the fault's status. */
export function answerFault(response: ServerResponse, fault: Fault): void {
  const headers: Record<string, string> = {};
  const { status } = fault;
  if (status === 503 || status === 429) headers['Retry-After'] = retryAfter();
  if (status === 401) headers['WWW-Authenticate'] = 'Bearer';
  // What is left of a body nobody reads would be taken for the next request; HTTP/2 knows whose it is.
  if (status === 413 && response.req.httpVersionMajor < 2) headers.Connection = 'close';
  answer(response, status, faultBody(fault), headers);
}

/**
 * An answer on a socket without a response: before a handshake, or where the request could not be read. It is the last of
 * its connection. With a fault its status and its sentence, else a status alone.
 */
export function rawAnswer(what: Fault | number, headers: Readonly<Record<string, string>> = {}): string {
  const status = typeof what === 'number' ? what : what.status;
  const body = typeof what === 'number' ? '' : JSON.stringify(faultBody(what));
  const all = {
    Connection: 'close',
    ...(body === '' ? {} : { 'Content-Type': jsonType, 'Cache-Control': 'no-store' }),
    'Content-Length': String(Buffer.byteLength(body)),
    ...headers,
  };
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`];
  for (const [name, value] of Object.entries(all)) lines.push(`${name}: ${value}`);
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

const jsonType = 'application/json; charset=utf-8';

const faultBody = ({ message, extensions }: Fault) => ({ errors: [{ message, extensions }] });

/** What is no request of ours, in the form of a fault: a client that reads `extensions.code` of each error must find one. */
export function answerBadRequest(response: ServerResponse, status: number, message: string, allow?: string): void {
  const errors = [{ message, extensions: { code: 'BAD_REQUEST' } }];
  answer(response, status, { errors }, allow === undefined ? {} : { Allow: allow });
}

export function answer(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    'Content-Type': jsonType,
    'Cache-Control': 'no-store',
    ...headers,
  });
  response.end(JSON.stringify(body));
}

/** The text sent as body; null when its client has gone before it had all come. Throws Fault: too long, too late, or not UTF-8. */
export async function readText(
  request: IncomingMessage,
  { messageBytes, requestTimeout }: Pick<GatewayLimits, 'messageBytes' | 'requestTimeout'>,
): Promise<string | null> {
  const { 'content-encoding': encoding = 'identity' } = request.headers;
  if (encoding !== 'identity')
    throw new Fault('BAD_USER_INPUT', {
      why: `the body comes with Content-Encoding ${encoding}: send it uncompressed`,
    });
  // Of HTTP/1.1 Node itself ends what comes too late.
  const reading = read(request, messageBytes);
  return request.httpVersionMajor < 2 ? reading : inTime(reading, requestTimeout);
}

/** The same work; throws Fault when it takes longer than so many milliseconds. */
async function inTime<T>(work: Promise<T>, requestTimeout: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const tooLate = () => reject(limitExceeded('requestTimeout', requestTimeout, requestTimeout + 1));
    timer = setTimeout(tooLate, requestTimeout);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

async function read(request: IncomingMessage, most: number): Promise<string | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    // The socket must outlive a body that is too long: the answer goes over it.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > most) break;
      chunks.push(chunk);
    }
  } catch {
    return null;
  }
  if (length > most) {
    request.resume();
    throw limitExceeded('messageBytes', most, length);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new Fault('BAD_USER_INPUT', { why: 'the body must be UTF-8' });
  }
}

export function jsonObject(text: string, what: string): Record<string, unknown> {
  try {
    const value = readJson(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // told below
  }
  throw new Fault('BAD_USER_INPUT', { why: `${what} must be a JSON object` });
}
