import { spawnSync } from 'node:child_process';
import { Fault } from './fault.mjs';
import { ensureCommands } from './packages.mjs';

/** @type {readonly import('./packages.mjs').Needed[]} */
export const clockNeeds = [{ command: 'faketime', package: 'faketime' }];

/** @type {string | undefined} */
let library;

/** Where libfaketime lies: only its own command knows that on every machine. */
function libraryPath() {
  ensureCommands(clockNeeds, 'to move the clock of a process.');
  const { stdout } = spawnSync('faketime', ['-m', '-f', '+0', 'printenv', 'LD_PRELOAD'], { encoding: 'utf8' });
  if (!stdout?.trim()) throw new Fault('faketime does not say where its library lies.');
  return stdout.trim();
}

/**
 * The environment of a process whose wall clock is off by what `file` says in seconds, such as `-3600` or `+0.5`, at
 * each look. Its monotonic clock and the times of files stay: as on a machine whose clock was set.
 * @param {string} file
 * @returns {Record<string, string>}
 */
export function clockEnv(file) {
  library ??= libraryPath();
  return {
    // libc's malloc before any other: Debian's Redis brings one that asks for the time while the library begins, and hangs.
    LD_PRELOAD: `${library} libc.so.6`,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    NO_FAKE_STAT: '1',
  };
}
