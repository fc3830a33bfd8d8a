import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIPv4 } from 'node:net';
import { portRefusal } from '../bin/process/refusal.js';
import { mostOfPost } from '../bin/send/post.js';
import { Fault } from '../event/faults.js';
import type { Asked, Audit, Peer } from '../observe/audit.js';
import type { Exposition } from '../observe/prometheus.js';
import { readText } from '../serve/answer.js';
import { pathOf } from '../serve/identity/identify.js';
import { defaultLimits } from '../serve/limits/limits.js';
import type { AdminGraphQL } from './graphql.js';

export interface AdminParts {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** What `/metrics` and `/graphql` ask for as a bearer; null lets everyone in who reaches the port. */
  readonly token: string | null;
  readonly metrics: Exposition;
  /** Null when this process can do its work, else the reason in a sentence. */
  ready(): Promise<string | null>;
  /** Milliseconds that a connection is kept on which nothing is asked. Default 75000. */
  readonly keepAlive?: number;
  /** What `/graphql` answers; without it there is none here. */
  readonly graphql?: AdminGraphQL;
  /** What `/send` answers, to this machine alone; without it there is none here. Throws Fault. */
  readonly send?: (body: string) => Promise<{ readonly status: number; readonly text: string }>;
  /** Is told of each call of it, and of each token that was refused. Default: nobody is. */
  readonly audit?: Audit;
}

export interface Admin {
  readonly port: number;
  /** Ends open requests too. May be called twice. */
  close(): Promise<void>;
}

/**
 * Metrics and health of one process. Health needs no token: an orchestrator's probe rarely has one, and learns no more
 * than a sentence. Throws Refusal when the port cannot be had.
 */
export async function startAdmin(parts: AdminParts): Promise<Admin> {
  const server = createServer((request, response) => {
    answer(parts, request).then(
      (reply) => send(response, reply, request.method === 'HEAD'),
      (error: unknown) =>
        send(response, { status: 500, text: error instanceof Error ? error.message : 'failed' }, false),
    );
  });
  // A scrape is small and quick: whoever takes longer only holds a socket.
  server.requestTimeout = 10_000;
  server.keepAliveTimeout = parts.keepAlive ?? 75_000;
  await listening(server, parts);
  let closed: Promise<void> | null = null;
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      closed ??= new Promise((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
}

const listening = (server: Server, { host, port }: AdminParts): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', (error) => reject(portRefusal(error, host, port, 'TAILRACE_ADMIN_PORT')));
    server.listen(port, host, resolve);
  });

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const unauthorized: Reply = {
  status: 401,
  text: 'a bearer token is needed',
  headers: { 'WWW-Authenticate': 'Bearer' },
};

/** Null for whoever may ask. */
function refusal({ token }: AdminParts, { headers: { authorization, host } }: IncomingMessage): Reply | null {
  if (!allowed(token, authorization)) return unauthorized;
  return token === null && !isFixed(host ?? '') ? byName : null;
}

const byName: Reply = { status: 403, text: 'by this name only with TAILRACE_ADMIN_TOKEN; without one ask 127.0.0.1' };

/**
 * False for a name whose address others decide. A page of such a name may have it lead here (DNS rebinding), and the browser
 * would let it read the answers as its own.
 */
function isFixed(host: string): boolean {
  const { hostname = '' } = URL.canParse(`http://${host}`) ? new URL(`http://${host}`) : {};
  return host === '' || /^(.+\.)?localhost$|^\[/.test(hostname) || isIPv4(hostname);
}

async function answer(parts: AdminParts, request: IncomingMessage): Promise<Reply> {
  const path = pathOf(request);
  const own = `${parts.graphql ? '/graphql, ' : ''}${parts.send ? '/send, ' : ''}`;
  const here = `here are ${own}/metrics, /healthz and /readyz`;
  if (path === '/graphql' || path === '/send') {
    const door = doorOf(parts, path);
    if (door) return audited(parts, door, request);
    const whose = path === '/send' ? '/send is on that of `tailrace dev`' : "/graphql is on a gateway's admin port";
    return { status: 404, text: `${whose}; ${here}` };
  }
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return { status: 405, text: 'GET only', headers: { Allow: 'GET, HEAD' } };
  switch (path) {
    case '/healthz':
      return { status: 200, text: 'ok' };
    case '/readyz': {
      const reason = await parts.ready();
      return reason === null ? { status: 200, text: 'ready' } : { status: 503, text: reason };
    }
    case '/metrics': {
      const refused = refusal(parts, request);
      if (refused) {
        told(parts, request, null, refused.status);
        return refused;
      }
      const { contentType } = parts.metrics;
      return { status: 200, text: await parts.metrics.text(), headers: { 'Content-Type': contentType } };
    }
    default:
      return { status: 404, text: here };
  }
}

const json = { 'Content-Type': 'application/json; charset=utf-8' };

/** What is asked by a POST of JSON. */
interface Door {
  answer(body: string): Promise<Answered>;
  /** The most bytes of a body. */
  readonly messageBytes: number;
  /** Whatever address the port listens on, only for this machine. */
  readonly isLocal: boolean;
}

function doorOf({ graphql, send }: AdminParts, path: '/graphql' | '/send'): Door | null {
  if (path === '/graphql') {
    return graphql ? { answer: graphql, messageBytes: defaultLimits.messageBytes, isLocal: false } : null;
  }
  return send ? { answer: send, messageBytes: mostOfPost, isLocal: true } : null;
}

async function audited(parts: AdminParts, door: Door, request: IncomingMessage): Promise<Reply> {
  try {
    const { asked = null, ...reply } = await operation(parts, door, request);
    told(parts, request, asked, reply.status);
    return reply;
  } catch (error) {
    told(parts, request, null, 500);
    throw error;
  }
}

function told({ audit }: AdminParts, request: IncomingMessage, asked: Asked | null, status: number): void {
  const peer: Peer = { transport: 'admin', address: request.socket.remoteAddress ?? '' };
  audit?.({ event: 'admin', peer, path: request.url?.split('?', 1)[0] ?? '', asked, status });
}

type Answered = Reply & { readonly asked?: Asked | null };

/** Any page a browser shows may send a POST to this port; only one of JSON, and from no page, is an operator's. */
async function operation(parts: AdminParts, door: Door, request: IncomingMessage): Promise<Answered> {
  const { origin, 'content-type': type = '' } = request.headers;
  const { messageBytes, isLocal } = door;
  if (isLocal && !isLoopback(request.socket.remoteAddress)) return { status: 403, text: 'only from this machine' };
  const refused = refusal(parts, request);
  if (refused) return refused;
  if (request.method !== 'POST') return { status: 405, text: 'POST only', headers: { Allow: 'POST' } };
  if (origin !== undefined) return { status: 403, text: 'not from a page' };
  if (!/^application\/json *(;|$)/i.test(type)) return { status: 415, text: 'the body must be application/json' };
  try {
    return { ...(await door.answer(await readText(request, { ...defaultLimits, messageBytes }))), headers: json };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { status: error.status, text: error.message };
  }
}

const isLoopback = (address = ''): boolean => /^(::ffff:)?127\.|^::1$/.test(address);

function send(response: ServerResponse, { status, text, headers }: Reply, headOnly: boolean): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store', ...headers });
  response.end(headOnly ? undefined : `${text.trimEnd()}\n`);
}

/** Hashes have one length, so the time this takes tells nothing about the token. */
function allowed(token: string | null, authorization: string | undefined): boolean {
  if (token === null) return true;
  const given = /^Bearer +(.+)$/i.exec(authorization ?? '')?.[1] ?? '';
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given), hash(token));
}
