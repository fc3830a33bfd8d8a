import type { IncomingMessage } from 'node:http';
import { type ExecutionArgs, GraphQLError } from 'graphql';
import type { ServerOptions, SubscribePayload } from 'graphql-ws';
import { Fault, limitExceeded } from '../event/faults.js';
import type { Engine, Opened } from '../graphql/engine.js';
import { isDocument } from '../graphql/operation.js';
import { toGraphQLError } from '../graphql/render.js';
import type { Renewable } from '../graphql/renewal.js';
import type { Stream } from '../graphql/stream.js';
import { nobody, type Viewer } from '../graphql/viewer.js';
import type { Outlet } from '../hub/subscription.js';
import type { Audit, Source } from '../observe/audit.js';
import type { GatewayMetrics } from '../observe/metrics.js';
import type { Place } from './admission.js';
import { Ending } from './ending.js';
import { idBytes } from './frames.js';
import { type Identity, identify } from './identify.js';
import type { Holder } from './renew.js';

export interface SessionLimits {
  readonly subscriptionsPerSocket: number;
  /** Milliseconds until `connection_init` must have come. */
  readonly initTimeout: number;
}

/** What a session needs of its socket. */
interface SessionSocket {
  readonly request: IncomingMessage;
  readonly place: Place;
  readonly source: Source;
  /** Nothing happens once the socket is closing. */
  write(text: string): void;
  /** The same, of a ping: the client's answer is no message of its own. */
  ping(text: string): void;
  /** Writes events to the operation of this id, together with all else of the same turn. */
  writer(id: Uint8Array): Outlet['write'];
  readonly drained: Outlet['drained'];
  /** The client is to come back later, with all its operations. */
  turnAway(why: string): void;
  /** The socket ends at this moment, milliseconds since 1970; null: it need not. */
  expires(at: number | null): void;
}

type Running = Extract<Opened, Renewable>;

/** One socket's viewer and operations, beside what graphql-ws knows of it. */
export interface Session extends SessionSocket, Holder {
  /** From the moment each was opened: a renewal must reach also those that have not started yet. */
  readonly live: Map<string, Running>;
  /** How many operations are being opened. */
  opening: number;
  /** Why the socket must close instead of being acknowledged. */
  refusal: Fault | null;
}

export function sessionOf(socket: SessionSocket): Session {
  const live = new Map<string, Running>();
  const running = () => live.values();
  return { ...socket, live, running, opening: 0, viewer: nobody, renewing: false, refusal: null };
}

interface SessionParts {
  readonly engine: Engine;
  readonly identity: Identity;
  readonly limits: SessionLimits;
  readonly metrics: Pick<GatewayMetrics, 'limited'>;
  readonly audit: Audit;
}

/** What graphql-ws hands from `onSubscribe` to `subscribe` and `execute`: an operation that the engine has opened. */
interface OpenedArgs extends ExecutionArgs {
  readonly session: Session;
  readonly id: string;
  readonly opened: Exclude<Opened, { kind: 'errors' }>;
}

/** The conversation: who connects, what they ask, and which frames they get. */
export function sessionOptions({
  engine,
  identity,
  limits,
  metrics,
  audit,
}: SessionParts): ServerOptions<Record<string, unknown>, Session> {
  return {
    schema: engine.schema,
    connectionInitWaitTimeout: limits.initTimeout,
    async onConnect({ connectionParams, extra: session }) {
      try {
        const viewer = await identify(session.request, identity, connectionParams);
        session.place.claim(viewer, () => session.live.size + session.opening);
        session.viewer = viewer;
        session.expires(session.viewer.expiresAt);
        return true;
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        if (error.code === 'LIMIT_EXCEEDED') metrics.limited(String(error.details.limit));
        audit({ event: 'refused', claims: null, source: session.source, code: error.code });
        session.refusal = error;
        return false;
      }
    },
    async onSubscribe({ extra: session, subscriptions }, id, payload) {
      // The one asked for is among them.
      const count = Object.keys(subscriptions).length;
      const { subscriptionsPerSocket: most } = limits;
      const source = { ...session.source, operation: id };
      const refuse = (error: GraphQLError) => {
        audit({ event: 'refused', claims: session.viewer.claims, source, code: String(error.extensions.code) });
        return [error];
      };
      if (count > most) {
        metrics.limited('subscriptionsPerSocket');
        return refuse(toGraphQLError(limitExceeded('subscriptionsPerSocket', most, count)));
      }
      const request = requestOf(payload, engine);
      if (request instanceof GraphQLError) return refuse(request);
      const { admit } = session.place;
      const opened = await openFor(session, id, (viewer) => engine.open({ ...request, viewer, source, admit }));
      if (opened.kind === 'errors') {
        // An `error` message ends an operation for good: clients retry a socket, never an operation.
        const passing = opened.errors.find(({ extensions }) => extensions.code === 'UNAVAILABLE');
        if (passing) session.turnAway(passing.message);
        return [...opened.errors];
      }
      const parsed = engine.parse(request.query);
      if (!isDocument(parsed)) throw new Error('what was opened cannot be parsed');
      const { schema } = engine;
      return { schema, document: parsed.ast, operationName: request.operationName, session, id, opened } as OpenedArgs;
    },
    subscribe(args) {
      const { opened, session, id } = args as OpenedArgs;
      if (opened.kind === 'result') return opened.result as never;
      return (opened.kind === 'stream' ? framesOf(session, id, opened) : opened) as never;
    },
    execute(args) {
      const { opened } = args as OpenedArgs;
      if (opened.kind !== 'result') throw new Error('a subscription was to be executed');
      return opened.result as never;
    },
    // The engine's results are formatted.
    onNext: (_, __, ___, ____, result) => result as never,
  };
}

/**
 * A renewal may come while an operation is being opened with the claims of before. From the turn in which they are found
 * to be today's it finds the operation among the live ones: a turn later, one might have come in between.
 */
async function openFor(session: Session, id: string, open: (viewer: Viewer) => Promise<Opened>): Promise<Opened> {
  for (;;) {
    const { viewer } = session;
    session.opening++;
    const opened = await open(viewer).finally(() => session.opening--);
    if (viewer === session.viewer || opened.kind === 'result') {
      if (opened.kind === 'stream' || opened.kind === 'iterable') session.live.set(id, opened);
      if (opened.kind === 'iterable') opened.onEnd = () => left(session, id, opened);
      return opened;
    }
    if (opened.kind === 'stream') opened.close();
    if (opened.kind === 'iterable') void opened.return();
  }
}

/** The id may be in use again already. */
function left({ live }: Session, id: string, operation: Running): void {
  if (live.get(id) === operation) live.delete(id);
}

function framesOf(session: Session, id: string, stream: Stream): Ending {
  const ending = new Ending(() => {
    left(session, id, stream);
    stream.close();
  });
  stream.start({
    write: session.writer(idBytes(id)),
    drained: session.drained,
    fail(fault) {
      left(session, id, stream);
      ending.fail(fault);
    },
  });
  // Before any event, so that a first one lost in a blip is not lost.
  session.ping(ping([[id, stream]]));
  return ending;
}

function requestOf(payload: SubscribePayload, engine: Engine) {
  const { operationName, variables, extensions } = payload;
  try {
    return { query: engine.textOf(payload), operationName, variables, extensions };
  } catch (error) {
    if (error instanceof Fault) return toGraphQLError(error);
    throw error;
  }
}

/** A ping's payload stays below this: clients echo it in their pong. */
const maxPingBytes = 32 * 1024;

/** Brings streams their cursors: each when it starts, all with every heartbeat, so that a quiet one resumes where it is. */
export function ping(live: Iterable<readonly [string, Running]>): string {
  const cursors: Record<string, string> = {};
  const gaps: Record<string, unknown> = {};
  let bytes = 0;
  for (const [id, operation] of live) {
    const cursor = operation.kind === 'stream' ? operation.cursor() : null;
    if (operation.kind !== 'stream' || cursor === null) continue;
    bytes += id.length + cursor.length + 8;
    if (bytes > maxPingBytes) break;
    cursors[id] = cursor;
    if (operation.gap) gaps[id] = operation.gap;
  }
  if (bytes === 0) return '{"type":"ping"}';
  return JSON.stringify({ type: 'ping', payload: { cursors, ...(Object.keys(gaps).length > 0 ? { gaps } : {}) } });
}
