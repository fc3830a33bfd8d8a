/** What whoever asked for a renewal is told, on every transport. */
export type Renewed = { readonly ok: true } | { readonly ok: false; readonly code: string; readonly message: string };

/** One message from a replica to all of them. */
export type Told =
  /** Whoever holds this stream renews it by this token, and answers under `request`. */
  | { readonly kind: 'renew'; readonly request: string; readonly stream: string; readonly token: string }
  | { readonly kind: 'renewed'; readonly request: string; readonly answer: Renewed }
  /** There are revocations to be read. */
  | { readonly kind: 'revoked' };
