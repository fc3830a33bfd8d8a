import type { Server, ServerResponse } from 'node:http';
import type { GraphiQLOptions } from 'graphql-yoga';
import { cursorCodec } from '../event/cursor.js';
import type { Addressed, Audience } from '../graphql/audience.js';
import { Engine } from '../graphql/engine.js';
import { makeExecutable, type PubSub, type Resolvers } from '../graphql/executable.js';
import type { Operations } from '../graphql/operation/persisted.js';
import { patientHub } from '../hub/open-hub.js';
import type { ChannelLogReader } from '../log/channel-log.js';
import type { Audit } from '../observe/audit.js';
import type { Logger } from '../observe/logger.js';
import type { GatewayMetrics } from '../observe/metrics.js';
import type { Observers } from '../observe/observers.js';
import type { StreamSchema } from '../schema/stream-schema.js';
import { Connections } from './connection/connections.js';
import { renewalDesk } from './connection/renewal-desk.js';
import { graphiqlPage } from './http/graphiql-page.js';
import { createHttpServer } from './http/http.js';
import type { Authenticate, TokenKeys } from './identity/authenticate.js';
import { allowedOrigins } from './identity/origins.js';
import type { Revocation } from './identity/revocation.js';
import { memoryRevocations, type RevocationStore } from './identity/revocation-store.js';
import { revocationsOf } from './identity/revocations.js';
import { memoryTickets, type TicketStore, ticketOffice } from './identity/tickets.js';
import { admissionOf } from './limits/admission.js';
import { FairTurns } from './limits/fair-turns.js';
import { type GatewayLimits, gatewayLimits } from './limits/limits.js';
import { type MutationBudget, memoryBudget } from './limits/mutation-budget.js';
import { boundHalfOpen } from './port/half-open.js';
import { proxied } from './port/proxied.js';
import { pairOf, type Tls, watchPair } from './port/tls-pair.js';
import { memoryReplicas, type Replicas } from './replicas/replicas.js';
import { type GatewaySettings, gatewaySettings } from './settings/gateway-settings.js';
import { settingsFrom } from './settings/setting.js';
import { serveWebSockets } from './websocket/websocket.js';

/** Connections that may wait to be accepted. Node's 511 are too few when thousands come back at once: the others are reset. */
const backlog = 4_096;

/** Its settings, each with the default that is declared for it, and what it works with. */
export interface GatewayParts extends Partial<GatewaySettings> {
  readonly streams: StreamSchema;
  readonly resolvers?: Resolvers;
  readonly log: ChannelLogReader;
  /** Says whose a request is; throws Fault UNAUTHENTICATED. */
  readonly authenticate: Authenticate;
  /** By which it verifies: kept as long as the gateway runs. Default: it needs none. */
  readonly keys?: TokenKeys;
  /** The first signs, all verify. */
  readonly cursorSecrets: readonly string[];
  readonly pubsub: PubSub;
  /** Default: in this process only. */
  readonly tickets?: TicketStore;
  /** How replicas reach each other. Default: this one is alone. */
  readonly replicas?: Replicas;
  /** Default: in this process only. */
  readonly revocations?: RevocationStore;
  /** Default: any, and none persisted. */
  readonly operations?: Operations;
  /** Default null: none. */
  readonly graphiql?: GraphiQLOptions | null;
  readonly limits?: Partial<GatewayLimits>;
  /** Default: in this process only. */
  readonly mutations?: MutationBudget;
  /** Default null: plain HTTP/1.1. With TLS the port speaks HTTP/2 as well. */
  readonly tls?: Tls | null;
  readonly metrics: GatewayMetrics;
  readonly logger: Logger;
  /** Is told who came for what. Default: nobody is. */
  readonly audit?: Audit;
  /** What Query.version says. */
  readonly version?: string;
}

export interface Gateway {
  /** Resolves with the port. Rejects with Node's error when it cannot listen, e.g. EADDRINUSE. */
  listen(port: number, host: string): Promise<number>;
  /** Null when it can serve, else why not. */
  ready(): Promise<string | null>;
  /**
   * Within a second every subscription of tokens with these claims ends, on every replica, and such tokens are refused
   * unless they were issued later. Throws Fault BAD_USER_INPUT or UNAVAILABLE.
   */
  revoke(claims: Revocation['claims']): Promise<Revocation>;
  /** What is revoked now. */
  revocations(): readonly Revocation[];
  /** Who would get these events now: the streams of this replica that are open. */
  audience(events: readonly Addressed[]): Audience;
  /**
   * Not ready any more; each connection closed in its time, and whoever comes meanwhile told to come back later; at the end of
   * `retirePeriod` no new ones; then the log. Idempotent.
   */
  retire(): Promise<void>;
}

/** Answers that are not given yet. */
function dueAt(server: Server): ReadonlySet<ServerResponse> {
  const due = new Set<ServerResponse>();
  function given(this: ServerResponse) {
    due.delete(this);
  }
  server.on('request', (_, response: ServerResponse) => {
    due.add(response);
    response.on('close', given);
  });
  return due;
}

/**
 * One replica. It holds no state that another could not take over: everything a client needs is in its cursor.
 * Throws RangeError for a certificate and a key that are no pair.
 */
export function createGateway(parts: GatewayParts): Gateway {
  const { streams, log, pubsub, logger, metrics, audit = () => {} } = parts;
  const observers: Observers = { metrics, logger, audit };
  const settings = settingsFrom(gatewaySettings, parts);
  const { heartbeat, trustedHops, tokenLife, tokenLeeway } = settings;
  const limits = settingsFrom(gatewayLimits, parts.limits);
  const executable = makeExecutable(streams, parts.resolvers ?? {}, parts.version ?? 'unknown');
  const hub = patientHub({ log, observers, probeEvery: heartbeat, tailBytes: limits.tailBytes });
  const engine = new Engine({
    streams,
    executable,
    hub,
    pubsub,
    observers,
    cursors: cursorCodec(parts.cursorSecrets),
    now: Date.now,
    introspection: settings.introspection,
    ...(parts.operations ? { operations: parts.operations } : {}),
    limits: { ...limits, rewindScan: limits.rewind },
  });
  const replicas = parts.replicas ?? memoryReplicas();
  let retiring: Promise<void> | null = null;
  parts.keys?.keep();

  const revocations = revocationsOf({
    store: parts.revocations ?? memoryRevocations(),
    replicas,
    logger,
    tokenLife,
    leeway: tokenLeeway,
    every: heartbeat,
    changed(news) {
      for (const { claims, at } of news) audit({ event: 'revoked', revoked: claims, at });
      connections.expelRevoked();
    },
  });
  const authenticate: Authenticate = async (request) => {
    const viewer = await parts.authenticate(request);
    revocations.check(viewer);
    return viewer;
  };

  async function unready() {
    if (!hub.opened()) return 'the log has not been reached yet';
    if (!revocations.known()) return 'revocations have not been read yet';
    return parts.keys?.unready() ?? log.unready();
  }
  const { mutations = memoryBudget(limits.mutationsPerMinute) } = parts;
  const identity = {
    authenticate,
    isRevoked: revocations.isRevoked,
    cookie: settings.authCookie,
    origins: allowedOrigins(settings.origins, { secure: Boolean(parts.tls), trustedHops }, logger),
  };
  const { processBuffer, requestTimeout } = limits;
  const front = settings.proxyProtocol
    ? proxied({ from: settings.proxyProtocolFrom, requestTimeout, metrics, logger })
    : null;
  const connections = new Connections({ identity, heartbeat, processBuffer, observers });
  const turns = new FairTurns();
  const common = {
    engine,
    admission: admissionOf({
      limits,
      trustedHops,
      ...(front ? { peerOf: front.addressOf } : {}),
      mutations,
      turns,
      metrics,
    }),
    identity,
    graphqlPath: `${settings.basePath}/graphql`,
    connections,
    observers,
    turns,
    compression: settings.compression,
    limits,
    retiring: () => retiring !== null,
  };
  const pair = parts.tls ? pairOf(parts.tls) : null;
  const server = createHttpServer({
    ...common,
    heartbeat,
    keepAlive: settings.keepAlive,
    pair,
    unready,
    tickets: ticketOffice(parts.tickets ?? memoryTickets()),
    renewals: renewalDesk(connections.named, replicas, identity, audit),
    graphiql: parts.graphiql ? graphiqlPage(streams.graphql, parts.graphiql) : null,
  });
  front?.expectOn(server);
  const due = dueAt(server);
  boundHalfOpen(server, limits.halfOpen, () => metrics.limited('halfOpen'));
  serveWebSockets(server, common);
  const unwatch =
    parts.tls && pair && 'setSecureContext' in server
      ? watchPair(parts.tls, pair, logger, (renewed) => server.setSecureContext(renewed))
      : () => undefined;

  return {
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ port, host, backlog }, () => {
          server.off('error', reject);
          const address = server.address();
          resolve(typeof address === 'object' && address ? address.port : port);
        });
      }),
    ready: async () => (retiring ? 'retiring' : unready()),
    revoke: revocations.revoke,
    revocations: revocations.list,
    audience: (events) => engine.audience(events),
    retire() {
      retiring ??= (async () => {
        unwatch();
        if ('goAway' in server) server.goAway();
        const door = { shut: () => void server.close(), owes: () => due.size > 0 };
        // One that could not listen has nobody to tell.
        await connections.retire(server.listening ? settings.retirePeriod : 0, door);
        server.closeAllConnections();
        connections.close();
        revocations.close();
        parts.keys?.close();
        replicas.close();
        await hub.close();
        await log.close();
      })();
      return retiring;
    },
  };
}
