import type { IncomingMessage } from 'node:http';
import { Fault } from '../event/faults.js';
import type { Asked, Audit, Peer } from '../observe/audit.js';
import { readText } from '../serve/answer.js';
import { defaultLimits } from '../serve/limits/limits.js';
import { isLoopback, refusal } from './access.js';
import type { Reply } from './reply.js';

/** What a path of the admin port does with a POST of JSON. */
export interface Handler {
  /** Takes the text of a body. Throws Fault, which is told by its status. */
  answer(body: string): Promise<Answered>;
  /** The most bytes of a body. */
  readonly messageBytes: number;
  /** Whether it is for this machine alone, whatever address the port listens on. */
  readonly isLocal: boolean;
}

export interface Answered extends Reply {
  /** The operation, for the audit log; null or absent when it was none. */
  readonly asked?: Asked | null;
}

interface Keepers {
  readonly token: string | null;
  readonly audit?: Audit;
}

/** Hands over a request that may ask, and refuses others. Each is told to the audit log, those too that are refused. */
export async function handle(request: IncomingMessage, handler: Handler, { token, audit }: Keepers): Promise<Reply> {
  try {
    const { asked = null, ...reply } = await answered(request, handler, token);
    tell(audit, request, reply.status, asked);
    return reply;
  } catch (error) {
    tell(audit, request, 500);
    throw error;
  }
}

/** A line of the audit log for a call of the admin port. */
export function tell(audit: Audit | undefined, request: IncomingMessage, status: number, asked: Asked | null = null) {
  const peer: Peer = { transport: 'admin', address: request.socket.remoteAddress ?? '' };
  audit?.({ event: 'admin', peer, path: request.url?.split('?', 1)[0] ?? '', asked, status });
}

const json = { 'Content-Type': 'application/json; charset=utf-8' };

/** The answer to a request. Any page in a browser may send a POST to this port: only one of JSON, and from no page, is an operator's. */
async function answered(request: IncomingMessage, handler: Handler, token: string | null): Promise<Answered> {
  const { origin, 'content-type': type = '' } = request.headers;
  const { messageBytes, isLocal } = handler;
  if (isLocal && !isLoopback(request.socket.remoteAddress)) return { status: 403, text: 'only from this machine' };
  const refused = refusal(token, request);
  if (refused) return refused;
  if (request.method !== 'POST') return { status: 405, text: 'POST only', headers: { Allow: 'POST' } };
  if (origin !== undefined) return { status: 403, text: 'not from a page' };
  if (!/^application\/json *(;|$)/i.test(type)) return { status: 415, text: 'the body must be application/json' };
  try {
    const body = await readText(request, { ...defaultLimits, messageBytes });
    if (body === null) return { status: 400, text: 'the body did not come to its end' };
    return { ...(await handler.answer(body)), headers: json };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { status: error.status, text: error.message };
  }
}
