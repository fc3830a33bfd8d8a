import type { Fault } from '../../event/faults.js';
import type { Running } from '../../graphql/running/running.js';

/** Why a connection is ended from this side. Its client hears it as far as the transport has words for it. */
export type LastWord =
  /** Its token counts no more: with that one nobody need come back. */
  | { readonly kind: 'expelled'; readonly fault: Fault }
  /** Its client is to come back, and loses nothing. */
  | { readonly kind: 'turned away'; readonly why: string }
  /** The replica goes away. Its client is to come back, and what was written before goes out first. */
  | { readonly kind: 'retired' };

/**
 * A transport's own half of one connection: its protocol, and nothing else. Everything that is the same on every
 * transport is done by `Connection`, which asks these questions and says these words.
 *
 * Whoever makes a wire tells its connection three things: `heard` at every sign of life, `holds` when something waits
 * after a write, and `closed` once when the client is gone, whoever ended it.
 */
export interface Wire {
  /**
   * True where a client cannot speak: its silence tells nothing, and its token is renewed from aside, by the name of its
   * stream. A getter, and no field of each wire.
   */
  readonly isOneWay: boolean;
  /** True while the client is not read: what it has said meanwhile is not known. */
  isPaused(): boolean;
  /** Null while more may be written; else resolves when the wire has drained, or is gone. */
  drained(): Promise<void> | null;
  /** Bytes that wait, in both directions. */
  waiting(): number;
  /** Asked at every heartbeat: true when the client has taken nothing of what waits for several of them. */
  isStuck(): boolean;
  /**
   * A heartbeat: it keeps proxies from closing a quiet connection, and brings every operation's cursor, or the gap that it is
   * still to tell. Not called while there is no room for it.
   */
  beat(operations: Map<string, Running>): void;
  /** From now on what operations write is dropped. A last word can follow. */
  silence(): void;
  /** Ends the connection, and says why. No operation runs on it by then. */
  dismiss(last: LastWord): void;
  /** Ends the connection now. `Connection.closed` follows. */
  terminate(): void;
}
