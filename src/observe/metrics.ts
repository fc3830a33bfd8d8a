import type { Publication } from '../event/publication.js';
import type { ConnectionTransport } from './transport.js';

/**
 * Things that happened, told by whoever did them. `prometheus.ts` counts them; tests listen; the default ignores them.
 * Every call is cheap and never throws.
 */
export interface RelayMetrics {
  consumed(topic: string, partition: number, records: number): void;
  /** Events written, counted once however many channels they went to. */
  appended(topic: string, events: number): void;
  /** Appends that the log refused: behind, other-epoch, other-routes, unavailable, full. */
  refused(topic: string, why: 'behind' | 'other-epoch' | 'other-routes' | 'unavailable' | 'full'): void;
  deadLettered(topic: string, reason: string): void;
  tombstone(topic: string): void;
  /** An event is for nobody on this route, by its expression: the value is null or missing, or there is no event. */
  forNobody(topic: string, route: string): void;
  refilled(topic: string, events: number): void;
  gap(topic: string, reason: string): void;
  /** Records between the end of the partition and what is in the log; null when another relay has it now. */
  lag(topic: string, partition: number, records: number | null): void;
}

export interface GatewayMetrics {
  connected(transport: ConnectionTransport, change: 1 | -1): void;
  subscribed(field: string, change: 1 | -1): void;
  channels(count: number): void;
  groups(count: number): void;
  /**
   * One event was handed to so many sockets, `latency` ms after its record's timestamp. Null for one from history: its age
   * says nothing of how fast this gateway is.
   */
  delivered(field: string, deliveries: number, publication: Publication, latency: number | null): void;
  denied(field: string): void;
  /** A rule ended in an error and so denied. */
  ruleError(field: string, reason: string): void;
  /** Somebody subscribed, or renewed a token, and by the rule no event can come to them: it needs these claims or arguments. */
  hopeless(field: string, lacks: string): void;
  /** An event whose execution gave errors. */
  inError(field: string): void;
  /** A subscription was told a gap. */
  gapTold(field: string, reason: string): void;
  refusedOperation(code: string): void;
  /** Something was refused, or somebody turned away, by this limit. */
  limited(limit: string): void;
  /** A WebSocket has said more than its rate, and is read more slowly until it has made up for it. */
  slowed(): void;
  /** An operation of a WebSocket has to wait for room under this limit. */
  waitedForRoom(limit: string): void;
  /** The keys at this address were asked for, and had or not. */
  keysFetched(address: string, had: boolean): void;
}

const nothing = () => {};

export const noRelayMetrics: RelayMetrics = {
  consumed: nothing,
  appended: nothing,
  refused: nothing,
  deadLettered: nothing,
  tombstone: nothing,
  forNobody: nothing,
  refilled: nothing,
  gap: nothing,
  lag: nothing,
};

export const noGatewayMetrics: GatewayMetrics = {
  connected: nothing,
  subscribed: nothing,
  channels: nothing,
  groups: nothing,
  delivered: nothing,
  denied: nothing,
  ruleError: nothing,
  hopeless: nothing,
  inError: nothing,
  gapTold: nothing,
  refusedOperation: nothing,
  limited: nothing,
  slowed: nothing,
  waitedForRoom: nothing,
  keysFetched: nothing,
};
