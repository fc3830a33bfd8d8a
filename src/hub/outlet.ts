import type { Fault } from '../event/faults.js';
import type { Frame } from './frame.js';

/** A client as one of its operations sees it. It hears one end of the two, or none when the operation was closed. */
export interface Outlet {
  /** Writes without waiting, in order. What it throws ends the operation. */
  write(frames: readonly Frame[]): void;
  /** Null while more may be written; else resolves when the socket has drained. */
  drained(): Promise<void> | null;
  /** The operation is over: its source has nothing more. Called at most once, nothing is written after it. */
  end(): void;
  /** The operation ends with this error. Called at most once, nothing is written after it. */
  fail(fault: Fault): void;
}
