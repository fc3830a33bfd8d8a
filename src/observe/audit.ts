/** Where it came from: a connection, or a request that holds none. */
export interface Source {
  readonly transport: 'websocket' | 'sse' | 'http' | 'admin';
  /** As the gateway knows it; behind proxies, what the trusted ones told. */
  readonly address: string;
  /** Names a WebSocket, or an event stream as its header `Tailrace-Stream` does. */
  readonly stream?: string;
  /** The client's own id of an operation on a WebSocket. */
  readonly operation?: string;
}

/** By whom, and from where; null where nobody was known yet. */
interface Witnessed {
  readonly claims: Readonly<Record<string, unknown>> | null;
  readonly source: Source | null;
}

export type AuditEntry =
  | (Witnessed & {
      readonly event: 'subscribed';
      readonly field: string;
      /** Every declared one, null when not given. */
      readonly args: Readonly<Record<string, unknown>>;
    })
  /** A connection, a request or an operation. `paths` are the fields that were asked for in vain. */
  | (Witnessed & { readonly event: 'refused'; readonly code: string; readonly paths?: unknown })
  /** `code` says why a renewal was refused; null when it was not. */
  | (Witnessed & { readonly event: 'renewed'; readonly code: string | null })
  /** A connection was ended from this side: its token was revoked. */
  | (Witnessed & { readonly event: 'expelled' })
  /** This replica has learnt that tokens with these claims, issued at or before `at` (seconds), count no more. */
  | { readonly event: 'revoked'; readonly revoked: Readonly<Record<string, string>>; readonly at: number }
  /** A call on the admin port; `asked` are its root fields, null when it was none. */
  | {
      readonly event: 'admin';
      readonly source: Source;
      readonly asked: readonly string[] | null;
      readonly status: number;
    };

/** Is told who came for what, right after it happened. Cheap, and never throws. */
export type Audit = (entry: AuditEntry) => void;

export const noAudit: Audit = () => {};
