import { constants } from 'node:os';

/** A part of a running process that is stopped in its turn. */
export type Stop = () => Promise<void>;

/**
 * Starts, waits for SIGTERM or SIGINT, then calls the stops in reverse order: what was started last stops first.
 * Resolves with 0. A second signal ends the process at once, with the code of that signal, and so does a first one while
 * starting: there is nothing to save yet. When starting fails, what had started is stopped before the error is thrown.
 */
export async function untilStopped(start: (started: (stop: Stop) => void) => Promise<void>): Promise<number> {
  const stops: Stop[] = [];
  let asked = () => {};
  const signal = new Promise<void>((resolve) => {
    asked = resolve;
  });
  let running = false;
  let signals = 0;
  const hear = (name: NodeJS.Signals) => {
    signals += 1;
    if (signals > 1) process.exit(128 + constants.signals[name]);
    if (!running) process.exit(0);
    asked();
  };
  process.on('SIGTERM', hear);
  process.on('SIGINT', hear);
  try {
    await start((stop) => void stops.push(stop));
    running = true;
    await signal;
    return 0;
  } finally {
    for (const stop of stops.reverse()) await stop();
    process.off('SIGTERM', hear);
    process.off('SIGINT', hear);
  }
}
