import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { Fault } from './fault.mjs';

/**
 * A process and when it started: a pid alone may long belong to somebody else.
 * @typedef {{ pid: number, started: string }} Owned
 */

/**
 * When the process started, in words that only compare equal for the same process; null when there is none.
 * @param {number} pid
 * @returns {string | null}
 */
function started(pid) {
  try {
    if (process.platform !== 'linux') {
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null;
    }
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold spaces and parentheses: count the fields after its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

/**
 * True while this very process lives.
 * @param {Owned} owned
 */
export const lives = (owned) => started(owned.pid) === owned.started;

/**
 * Starts a process that outlives this one; its output goes to `log`.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, log: string, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<Owned>}
 */
export async function startDetached(command, args, { cwd, log, env = process.env }) {
  const output = openSync(log, 'a');
  try {
    const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', output, output] });
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    child.unref();
    const pid = /** @type {number} */ (child.pid);
    return { pid, started: started(pid) ?? '' };
  } finally {
    closeSync(output);
  }
}

/**
 * Sends a signal to the process if it still is the one that was started.
 * @param {Owned} owned
 * @param {NodeJS.Signals} signal
 */
export function signalOwned(owned, signal) {
  if (!lives(owned)) return;
  try {
    process.kill(owned.pid, signal);
  } catch (error) {
    // It ended between the look and the signal.
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error;
  }
}

/**
 * Ends the process if it still is the one that was started, at the latest by SIGKILL. Safe to repeat.
 * @param {Owned} owned
 * @param {{ signal?: NodeJS.Signals, within?: number }} [options] `within`: milliseconds before SIGKILL
 */
export async function stopOwned(owned, { signal = 'SIGTERM', within = 10_000 } = {}) {
  for (const [each, limit] of /** @type {const} */ ([
    [signal, within],
    ['SIGKILL', 5_000],
  ])) {
    if (!lives(owned)) return;
    signalOwned(owned, each);
    // A stopped process takes its signal only when it goes on.
    signalOwned(owned, 'SIGCONT');
    const deadline = Date.now() + limit;
    while (lives(owned) && Date.now() < deadline) await wait(20);
  }
  if (lives(owned)) throw new Fault(`Process ${owned.pid} does not end.`);
}

/**
 * The last lines of a log, for a message about a start that failed.
 * @param {string} path
 * @param {number} [lines]
 */
export function tailOf(path, lines = 20) {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '(no log)';
  }
}
