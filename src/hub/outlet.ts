import type { Fault } from '../event/faults.js';
import type { Frame } from './frame.js';

/** A socket as a subscription sees it. */
export interface Outlet {
  /** Writes without waiting, in order. What it throws ends the subscription. */
  write(frames: readonly Frame[]): void;
  /** Null while more may be written; else resolves when the socket has drained. */
  drained(): Promise<void> | null;
  /** The operation ends with this error. Called at most once, nothing is written after it. */
  fail(fault: Fault): void;
}
