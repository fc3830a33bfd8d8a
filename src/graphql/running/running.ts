import type { Gap } from '../../event/position.js';
import type { Outlet } from '../../hub/outlet.js';
import type { Viewer } from '../viewer.js';
import type { Renewal } from './renewal.js';

/**
 * A subscription that was opened and is not over, in the hands of its transport: started once, and closed once, started
 * or not. It can outlive its token, and goes on under the claims of another one of the same person.
 */
export interface Running {
  readonly kind: 'running';
  readonly field: string;
  /** Whether it can be resumed: then its frames have cursors. */
  readonly isResumable: boolean;
  /** Begins to write, unless it was closed before. */
  start(outlet: Outlet): this;
  /** A cursor for everything shown so far; null before there is one, and always of what cannot be resumed. */
  cursor(): string | null;
  /** The gap that the next event will tell: until it does, a cursor must not be given out. */
  readonly gap: Gap | null;
  /**
   * Looks whether this viewer may go on, and changes nothing yet. What the viewer may not have any more ends by `commit`
   * with FORBIDDEN. Throws Fault UNAVAILABLE when it cannot be said now.
   */
  renew(viewer: Viewer): Promise<Renewal>;
  /** Nothing is written any more, and the outlet hears no end. Idempotent. */
  close(): void;
}
