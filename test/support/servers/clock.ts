import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clockEnv } from '../../../scripts/services/clock.mjs';

/** A wall clock that a test moves while processes run by it. */
export interface TestClock extends Disposable {
  /** For the environment of a process: it runs by this clock from then on. */
  readonly env: Readonly<Record<string, string>>;
  /** Sets it so many milliseconds off the true time, before it or behind: 0 makes it right again. */
  step(ms: number): void;
  /** What it shows now, in milliseconds since 1970. */
  now(): number;
}

export function testClock(): TestClock {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-clock-'));
  const file = join(folder, 'offset');
  let off = 0;
  function step(ms: number): void {
    off = ms;
    // Renamed, it is never read half written.
    writeFileSync(`${file}.new`, `${ms < 0 ? '-' : '+'}${Math.abs(ms) / 1000}\n`);
    renameSync(`${file}.new`, file);
  }
  step(0);
  return {
    env: clockEnv(file),
    step,
    now: () => Date.now() + off,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** To be called while the process runs or when it has ended: killed, it would leave these behind for ever. */
export function forgetClock(pid: number): void {
  for (const name of [`faketime_shm_${pid}`, `sem.faketime_sem_${pid}`])
    rmSync(join('/dev/shm', name), { force: true });
}
