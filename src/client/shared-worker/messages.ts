import type { Request, Result } from '../live/subscriber.js';
import type { Failure, Gap } from '../operation.js';
import type { Connection } from '../status.js';

/** What a page says to the worker. */
export type FromPage =
  /** First: who it is. It holds `lock` for as long as it lives. */
  | { readonly type: 'hello'; readonly viewer: string; readonly lock: string }
  /** `place`: where the subscription has come is known to all pages under this name; null is a place of its own. */
  | { readonly type: 'subscribe'; readonly id: number; readonly request: Request; readonly place: string | null }
  | { readonly type: 'leave'; readonly id: number }
  /** Up to here its user was shown everything. */
  | { readonly type: 'shown'; readonly cursors: readonly (readonly [id: number, cursor: string])[] }
  /** The answer; null where it has none. */
  | { readonly type: 'token'; readonly token: string | null };

/** What the worker says to a page. */
export type FromWorker =
  /** It is there, and holds `lock` for as long as it lives. */
  | { readonly type: 'welcome'; readonly lock: string }
  | { readonly type: 'next'; readonly id: number; readonly result: Result }
  | { readonly type: 'error'; readonly id: number; readonly errors: readonly Failure[] | null; readonly reason: string }
  | { readonly type: 'complete'; readonly id: number }
  | { readonly type: 'gap'; readonly id: number; readonly gap: Gap }
  | { readonly type: 'cursor'; readonly id: number; readonly cursor: string }
  | { readonly type: 'ready'; readonly id: number }
  | { readonly type: 'connection'; readonly connection: Connection }
  /** Asks for a token. */
  | { readonly type: 'token' }
  /** A server has refused this one. */
  | { readonly type: 'refused'; readonly token: string };

/** One end of a channel between both. */
export interface Port<In, Out> {
  onmessage: ((event: { readonly data: In }) => void) | null;
  postMessage(message: Out): void;
  close(): void;
}
