import type { Gap } from '../operation.js';
import type { Sink } from './subscriber.js';

/** What one subscription may bring in the `context` that Apollo and urql hand on. */
export interface TailraceContext {
  /** Events of this subscription were lost. Once per gap. */
  readonly onGap?: (gap: Gap) => void;
  /** Everything up to this cursor has come. With every event and every heartbeat. */
  readonly onCursor?: (cursor: string) => void;
  /** From here on nothing is missed. */
  readonly onReady?: () => void;
}

/** The part of a sink that tells it. */
export function tells(context: object): Pick<Sink, 'gap' | 'cursor' | 'ready'> {
  const { onGap, onCursor, onReady } = context as TailraceContext;
  return {
    gap: (gap) => onGap?.(gap),
    cursor: (cursor) => onCursor?.(cursor),
    ready: () => onReady?.(),
  };
}
