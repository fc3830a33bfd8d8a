import type { Transport } from './transport.js';

/** Where something came from: a connection, or a request that holds none. */
export interface Peer {
  readonly transport: Transport;
  /** The address as the gateway knows it; behind proxies, what the trusted ones told. */
  readonly address: string;
  /** Names a WebSocket, or an event stream as its header `Tailrace-Stream` does. */
  readonly stream?: string;
  /** The client's own id of an operation on a WebSocket. */
  readonly operation?: string;
}

/** A field of an operation's root, and its arguments: every declared one, null when not given. */
export interface AskedField {
  readonly field: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** What somebody asked for. */
export interface Asked {
  readonly kind: 'query' | 'mutation' | 'subscription';
  readonly fields: readonly AskedField[];
}

/** By whom something was done, and from where; null where nobody was known yet. */
interface Witnessed {
  readonly claims: Readonly<Record<string, unknown>> | null;
  readonly peer: Peer | null;
}

export type AuditEntry =
  | (Witnessed & AskedField & { readonly event: 'subscribed' })
  /** A query or a mutation was executed; `code` is that of its first error, null when there was none. */
  | (Witnessed & { readonly event: 'executed'; readonly asked: Asked; readonly code: string | null })
  /**
   * A connection, a request or an operation. `asked` where it was a valid operation; `paths` are the fields that were
   * asked for in vain.
   */
  | (Witnessed & { readonly event: 'refused'; readonly code: string; readonly asked?: Asked; readonly paths?: unknown })
  /** `code` says why a renewal was refused; null when it was not. */
  | (Witnessed & { readonly event: 'renewed'; readonly code: string | null })
  /** A connection was ended from this side: its token was revoked. */
  | (Witnessed & { readonly event: 'expelled' })
  /** This replica has learnt that tokens with these claims, issued at or before `at` (seconds), count no more. */
  | { readonly event: 'revoked'; readonly revoked: Readonly<Record<string, string>>; readonly at: number }
  /** A call of `/graphql` or `/send` on the admin port, or one of another path that it refused; `asked` is null where it was no operation. */
  | {
      readonly event: 'admin';
      readonly peer: Peer;
      readonly path: string;
      readonly asked: Asked | null;
      readonly status: number;
    };

/** A listener that is told who came for what, right after it happened. Cheap, and never throws. */
export type Audit = (entry: AuditEntry) => void;

export const noAudit: Audit = () => {};
