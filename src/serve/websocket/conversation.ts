import { type ExecutionArgs, parse } from 'graphql';
import type { ServerOptions, SubscribePayload } from 'graphql-ws';
import { Fault, limitExceeded } from '../../event/faults.js';
import { bigIntAsText } from '../../event/write-json.js';
import type { Engine, Opened } from '../../graphql/engine.js';
import type { Named } from '../../graphql/operation/persisted.js';
import type { Stream } from '../../graphql/running/stream.js';
import type { Frame } from '../../hub/frame.js';
import type { Outlet } from '../../hub/outlet.js';
import type { Audit } from '../../observe/audit.js';
import type { GatewayMetrics } from '../../observe/metrics.js';
import { idBytes } from '../connection/frames.js';
import { type Identity, identify } from '../identity/identify.js';
import { revoked } from '../identity/revocations.js';
import type { Admit } from '../limits/admission.js';
import { Ending } from './ending.js';
import { openFor } from './opening.js';
import { pingOf } from './ping.js';
import type { Session } from './session.js';

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

/** By a document graphql-ws tells which of `subscribe` and `execute` is meant, and reads no more of it. */
const aSubscription = parse('subscription { it }');
const aQuery = parse('{ it }');

/** What is said on a socket: who connects, what they ask, and which frames they get. */
export function conversationOptions({
  engine,
  identity,
  limits,
  metrics,
  audit,
}: ConversationParts): ServerOptions<Record<string, unknown>, Session> {
  const { subscriptionsPerSocket: most } = limits;

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
      const { query, documentId, operationName, variables, extensions } = payload as SubscribePayload & Named;
      const worded = { query, documentId, operationName, variables, extensions };
      // The library keeps the message as long as the operation, and with it its text, which is some hundred bytes of each.
      Object.assign(payload, { query: '', extensions: undefined });
      // Operations of this socket, with the one asked for.
      const count = Object.keys(subscriptions).length;
      const admit: Admit = async (kind, roots) => {
        if (count > most) throw limitExceeded('subscriptionsPerSocket', most, count);
        await session.place.admit(kind, roots);
      };
      const peer = { ...session.peer, operation: id };
      const opened = await openFor(session, id, (viewer) => engine.open({ ...worded, viewer, peer, admit }));
      if (opened.kind === 'errors') {
        // An `error` message ends an operation for good: clients retry a socket, never an operation.
        const passing = opened.errors.find(({ extensions }) => extensions.code === 'UNAVAILABLE');
        if (passing) session.turnAway(passing.message);
        return [...opened.errors];
      }
      const document = opened.kind === 'result' ? aQuery : aSubscription;
      return { schema: engine.schema, document, session, id, opened } as OpenedArgs;
    },
    subscribe(args) {
      const { opened, session, id } = args as OpenedArgs;
      if (opened.kind === 'result') return opened.result as never;
      if (opened.kind !== 'stream') return opened as never;
      const frames = new Frames(session, id, opened);
      opened.start(frames);
      // Before any event, so that a first one lost in a blip is not lost.
      session.ping(pingOf([id, opened]));
      return frames as never;
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

/** A stream on its way to the socket, and what graphql-ws is given in its place. */
class Frames extends Ending implements Outlet {
  readonly #id: Uint8Array;

  constructor(
    private readonly session: Session,
    private readonly key: string,
    private readonly stream: Stream,
  ) {
    super();
    this.#id = idBytes(key);
  }

  write(frames: readonly Frame[]): void {
    this.session.next(frames, this.#id);
  }

  drained(): Promise<void> | null {
    return this.session.drained();
  }

  override fail(fault: Fault): void {
    this.session.left(this.key, this.stream);
    super.fail(fault);
  }

  protected override left(): void {
    this.session.left(this.key, this.stream);
    this.stream.close();
  }
}
