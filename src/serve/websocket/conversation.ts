import { type ExecutionArgs, parse } from 'graphql';
import type { ServerOptions, SubscribePayload } from 'graphql-ws';
import { Fault } from '../../event/faults.js';
import { bigIntAsText } from '../../event/write-json.js';
import type { Engine, Opened } from '../../graphql/engine.js';
import type { Named } from '../../graphql/operation/persisted.js';
import type { Observers } from '../../observe/observers.js';
import { openFor } from '../connection/opening.js';
import { type Identity, identify } from '../identity/identify.js';
import type { GatewayLimits } from '../limits/limits.js';
import { tellRefused } from '../refused.js';
import { OperationOutlet } from './operation-outlet.js';
import { pingOf } from './ping.js';
import type { WebSocketWire } from './wire.js';

export interface ConversationParts {
  readonly engine: Engine;
  readonly identity: Identity;
  readonly limits: Pick<
    GatewayLimits,
    'initTimeout' | 'messageBytes' | 'messageRate' | 'subscriptionsPerSocket' | 'subscriptionsPerUser'
  >;
  readonly observers: Observers;
}

/** What graphql-ws hands from `onSubscribe` to `subscribe` and `execute`: an operation that the engine has opened. */
interface OpenedArgs extends ExecutionArgs {
  readonly wire: WebSocketWire;
  readonly id: string;
  readonly opened: Exclude<Opened, { kind: 'errors' }>;
}

/** Documents by which graphql-ws is told which of `subscribe` and `execute` is meant: it reads no more of them. */
const aSubscription = parse('subscription { it }');
const aQuery = parse('{ it }');

/** What is said on a socket: who connects, what they ask, and which frames they get. */
export function conversationOptions({
  engine,
  identity,
  limits,
  observers,
}: ConversationParts): ServerOptions<Record<string, unknown>, WebSocketWire> {
  const { subscriptionsPerSocket, subscriptionsPerUser, messageRate, messageBytes } = limits;
  // A client that knows them paces itself. One that does not learns of each by a refusal, which no library retries.
  const acknowledged = { limits: { subscriptionsPerSocket, subscriptionsPerUser, messageRate, messageBytes } };

  return {
    schema: engine.schema,
    jsonMessageReplacer: bigIntAsText,
    connectionInitWaitTimeout: limits.initTimeout,
    async onConnect(context) {
      const { connectionParams, extra: wire } = context;
      const { request, connection } = wire;
      if (!request) throw new Error('a socket connects twice');
      try {
        const viewer = await identify(request, identity, connectionParams);
        connection.place.claim(viewer);
        const fault = connection.signIn(viewer);
        if (fault) throw fault;
        return acknowledged;
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        tellRefused(observers, connection.peer, error);
        wire.refusal = error;
        return false;
      } finally {
        wire.request = null;
        // The library would keep the payload as long as the socket, and nobody reads the token again.
        (context as { connectionParams?: unknown }).connectionParams = undefined;
      }
    },
    async onSubscribe({ extra: wire }, id, payload) {
      const { connection } = wire;
      const { query, documentId, operationName, variables, extensions } = payload as SubscribePayload & Named;
      const worded = { query, documentId, operationName, variables, extensions };
      // The library keeps the message as long as the operation, and with it its text, which is some hundred bytes of each.
      Object.assign(payload, { query: '', extensions: undefined });
      const peer = { ...connection.peer, operation: id };
      const opened = await openFor(connection, id, wire.heardBytes, (viewer, admit) =>
        engine.open({ ...worded, viewer, peer, admit }),
      );
      if (opened.kind === 'errors') {
        // An `error` message ends an operation for good: clients retry a socket, never an operation.
        const passing = opened.errors.find(({ extensions }) => extensions.code === 'UNAVAILABLE');
        if (passing) connection.turnAway(passing.message);
        return [...opened.errors];
      }
      const document = opened.kind === 'result' ? aQuery : aSubscription;
      return { schema: engine.schema, document, wire, id, opened } as OpenedArgs;
    },
    subscribe(args) {
      const { opened, wire, id } = args as OpenedArgs;
      if (opened.kind === 'result') return opened.result as never;
      const outlet = new OperationOutlet(wire, id, opened);
      opened.start(outlet);
      // A ping says that it has started. It brings the cursor before any event: a first event that is lost with the socket could else not be resumed.
      if (opened.isResumable) wire.ping(pingOf([id, opened]));
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
