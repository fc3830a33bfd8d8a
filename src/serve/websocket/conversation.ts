import { type ExecutionArgs, GraphQLError } from 'graphql';
import type { ServerOptions, SubscribePayload } from 'graphql-ws';
import { Fault, limitExceeded } from '../../event/faults.js';
import { bigIntAsText } from '../../event/write-json.js';
import type { Engine, Opened } from '../../graphql/engine.js';
import { isDocument } from '../../graphql/operation/operation.js';
import { toGraphQLError } from '../../graphql/render/render.js';
import type { Audit } from '../../observe/audit.js';
import type { GatewayMetrics } from '../../observe/metrics.js';
import { openFor } from '../connection/opening.js';
import { type Identity, identify } from '../identity/identify.js';
import { revoked } from '../identity/revocations.js';
import type { Admit } from '../limits/admission.js';
import { OperationOutlet } from './operation-outlet.js';
import { pingOf } from './ping.js';
import type { Session } from './wire.js';

export interface ConversationParts {
  readonly engine: Engine;
  readonly identity: Identity;
  readonly limits: {
    readonly subscriptionsPerSocket: number;
    /** Milliseconds until `connection_init` must have come. */
    readonly initTimeout: number;
  };
  readonly metrics: Pick<GatewayMetrics, 'limited'>;
  readonly audit: Audit;
}

/** What graphql-ws hands from `onSubscribe` to `subscribe` and `execute`: an operation that the engine has opened. */
interface OpenedArgs extends ExecutionArgs {
  readonly session: Session;
  readonly id: string;
  readonly opened: Exclude<Opened, { kind: 'errors' }>;
}

/** What is said on a socket: who connects, what they ask, and which frames they get. */
export function conversationOptions({
  engine,
  identity,
  limits,
  metrics,
  audit,
}: ConversationParts): ServerOptions<Record<string, unknown>, Session> {
  const { subscriptionsPerSocket: most } = limits;

  /** Audited, and told to the client as the operation's end. */
  function refuse(session: Session, id: string, error: GraphQLError): GraphQLError[] {
    const peer = { ...session.peer, operation: id };
    audit({ event: 'refused', claims: session.viewer.claims, peer, code: String(error.extensions.code) });
    return [error];
  }

  return {
    schema: engine.schema,
    jsonMessageReplacer: bigIntAsText,
    connectionInitWaitTimeout: limits.initTimeout,
    async onConnect(context) {
      const { connectionParams, extra: session } = context;
      const { request } = session;
      if (!request) throw new Error('a socket connects twice');
      try {
        const viewer = await identify(request, identity, connectionParams);
        session.place.claim(viewer, () => session.live.size + session.opening);
        session.viewer = viewer;
        // From here on a revocation finds it; one that came since its token was verified has not.
        if (identity.isRevoked(viewer)) throw revoked();
        session.expires(viewer.expiresAt);
        return true;
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        if (error.code === 'LIMIT_EXCEEDED') metrics.limited(String(error.details.limit));
        audit({ event: 'refused', claims: null, peer: session.peer, code: error.code });
        session.refusal = error;
        return false;
      } finally {
        session.request = null;
        // The library keeps it as long as the socket; nobody reads the token again.
        (context as { connectionParams?: unknown }).connectionParams = undefined;
      }
    },
    async onSubscribe({ extra: session, subscriptions }, id, payload) {
      // The one asked for is among them.
      const count = Object.keys(subscriptions).length;
      if (count > most) {
        metrics.limited('subscriptionsPerSocket');
        return refuse(session, id, toGraphQLError(limitExceeded('subscriptionsPerSocket', most, count)));
      }
      const request = requestOf(payload, engine);
      if (request instanceof GraphQLError) return refuse(session, id, request);
      // The library keeps the message as long as the operation, and with it its text, which is some hundred bytes of each.
      Object.assign(payload, { query: '', extensions: undefined });
      const admit: Admit = (kind, roots) => session.place.admit(kind, roots);
      const peer = { ...session.peer, operation: id };
      const opened = await openFor(session, id, (viewer) => engine.open({ ...request, viewer, peer, admit }));
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
      const outlet = new OperationOutlet(session, id, opened);
      opened.start(outlet);
      // Before any event, so that a first one lost in a blip is not lost.
      const ping = pingOf([id, opened]);
      if (ping) session.ping(ping);
      return outlet as never;
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

function requestOf(payload: SubscribePayload, engine: Engine) {
  const { operationName, variables, extensions } = payload;
  try {
    return { query: engine.textOf(payload), operationName, variables, extensions };
  } catch (error) {
    if (error instanceof Fault) return toGraphQLError(error);
    throw error;
  }
}
