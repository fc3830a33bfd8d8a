import { defaultBounds } from '../../graphql/operation/bounds.js';
import { duration, whole } from '../settings/kinds.js';
import { setting, settingsFrom, type ValuesOf } from '../settings/setting.js';

/** How much clients may have and ask for. A limit's name is that of its variable, and stands in LIMIT_EXCEEDED. */
export const gatewayLimits = {
  connections: setting(whole(1, 1_000_000), '20000', 'Connections a replica serves at most.'),
  connectionsPerAddress: setting(
    whole(1, 1_000_000),
    '2000',
    'Connections of one address (of IPv6: one /64) to a replica. Behind a balancer set TAILRACE_TRUSTED_HOPS too.',
  ),
  connectionsPerUser: setting(whole(1, 1_000_000), '100', 'Connections of one user (`iss` and `sub`) to a replica.'),
  subscriptionsPerUser: setting(whole(1, 1_000_000), '5000', 'Subscriptions of one user on a replica.'),
  connectRate: setting(
    whole(1, 1_000_000),
    '1000',
    'New connections a second that a replica takes; the others are told when to come back.',
  ),
  halfOpen: setting(
    whole(1, 1_000_000),
    '5000',
    'Connections of a replica on which no whole request has come yet, and as many that were answered and ask nothing more; with one more, the one that has waited longest is closed.',
  ),
  mutationsPerMinute: setting(
    whole(1, 1_000_000_000),
    '300',
    'Root fields of mutations, tickets, and renewals of event streams, of one user on all replicas together; without a token, of one address.',
  ),
  subscriptionsPerSocket: setting(whole(1, 100_000), '1000', 'Operations one WebSocket may have open.'),
  roomWait: setting(
    duration(),
    '3s',
    'How long an operation of a WebSocket waits for room, where its socket or its user has as many as they may; then it is refused. 0s refuses at once.',
  ),
  channelsPerSubscription: setting(whole(1, 100_000), '256', 'Channels one subscription may listen to.'),
  operationTokens: setting(
    whole(1, 1_000_000),
    String(defaultBounds.operationTokens),
    'Words of GraphQL in one document.',
  ),
  operationDepth: setting(
    whole(1, 1_000),
    String(defaultBounds.operationDepth),
    'Fields inside of fields in one operation.',
  ),
  operationAliases: setting(whole(0, 100_000), String(defaultBounds.operationAliases), 'Aliases in one document.'),
  operationDirectives: setting(
    whole(0, 100_000),
    String(defaultBounds.operationDirectives),
    'Directives in one document.',
  ),
  operationCost: setting(
    whole(1, 1_000_000_000),
    String(defaultBounds.operationCost),
    'Fields that one operation may give, reckoned with ten elements in every list.',
  ),
  jsonDepth: setting(
    whole(1, 1_000),
    String(defaultBounds.jsonDepth),
    'Lists and objects inside of each other in variables and extensions.',
  ),
  replay: setting(
    whole(1, 1_000_000_000),
    '100000',
    'Entries that a resumed subscription may read; then it ends, and may go on from its newest cursor.',
  ),
  rewind: setting(whole(1, 100_000), '1000', 'Events that `@resume(rewind)` may ask for.'),
  messageBytes: setting(whole(1024, 16_777_216), '65536', 'Bytes of one message or request of a client.'),
  headerBytes: setting(
    whole(4_096, 65_536),
    '16384',
    'Bytes of the path, query and headers of one request: most of them are its token’s.',
  ),
  messageRate: setting(
    whole(1, 1_000_000),
    '500',
    'Messages a second of one WebSocket, a long one counted for each 16 KiB of it. What comes faster is read later. Whoever comes back may send all their operations at once.',
  ),
  initTimeout: setting(duration(10), '3s', 'How long a WebSocket may take to send `connection_init`.'),
  requestTimeout: setting(
    duration(100),
    '10s',
    'How long a request, or the upgrade to a WebSocket, may take to come in, with its headers and its body.',
  ),
  processBuffer: setting(
    whole(1_048_576, 1_099_511_627_776),
    '268435456',
    'Bytes that may wait in all sockets together, to be sent or to be heard; beyond, the worst are closed, to come back and resume.',
  ),
  socketBuffer: setting(
    whole(1024, 1_073_741_824),
    '262144',
    'Bytes that may wait in one socket before its subscriptions are parked and catch up from the log.',
  ),
  tailBytes: setting(
    whole(0, 1_099_511_627_776),
    '33554432',
    'Bytes of what a replica heard lately that it keeps for those who come back to it; the oldest go first, 0 keeps none.',
  ),
};

/** A whole number each; that of a timeout is milliseconds. */
export type GatewayLimits = ValuesOf<typeof gatewayLimits>;

export const defaultLimits: GatewayLimits = settingsFrom(gatewayLimits);
