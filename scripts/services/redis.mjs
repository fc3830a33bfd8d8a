import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { redisIsUp, untilAnswers } from './answers.mjs';
import { Fault } from './fault.mjs';
import { ensureCommands } from './packages.mjs';
import { lives, startDetached, stopOwned, tailOf } from './processes.mjs';

/** @type {readonly import('./packages.mjs').Needed[]} */
export const redisNeeds = [{ command: 'redis-server', package: 'redis-server' }];

/**
 * Starts a redis-server on 127.0.0.1 without persistence and waits for its answer.
 * @param {{ folder: string, port: number, args?: readonly string[], env?: Readonly<Record<string, string>>, fresh?: boolean }} options
 *   `fresh: false` keeps what lies in the folder; `args` are redis-server's own, such as `--save ''`; `env` comes beside
 *   this process's
 * @returns {Promise<import('./processes.mjs').Owned & { log: string }>}
 */
export async function startRedisServer({ folder, port, args = [], env = {}, fresh = true }) {
  ensureCommands(redisNeeds, 'to run a Redis.');
  if (fresh) rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const log = join(folder, 'redis.log');
  const own = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', '', '--appendonly', 'no'];
  return started('redis-server', [...own, ...args], { folder, port, log, env });
}

/**
 * Starts a sentinel on 127.0.0.1 and waits for its answer. It is redis-server in another mode, so nothing more has to be
 * installed.
 * @param {{ folder: string, port: number, settings: readonly string[], fresh?: boolean }} options `settings` are lines
 *   of its file, which it rewrites as it goes; `fresh: false` goes on with that
 * @returns {Promise<import('./processes.mjs').Owned & { log: string }>}
 */
export async function startSentinelServer({ folder, port, settings, fresh = true }) {
  ensureCommands(redisNeeds, 'to run a sentinel.');
  if (fresh) rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'sentinel.conf');
  const own = [`port ${port}`, 'bind 127.0.0.1', `dir ${folder}`];
  if (!existsSync(file)) writeFileSync(file, [...own, ...settings, ''].join('\n'));
  return started('a sentinel', [file, '--sentinel'], { folder, port, log: join(folder, 'sentinel.log') });
}

/**
 * @param {string} what
 * @param {readonly string[]} args
 * @param {{ folder: string, port: number, log: string, env?: Readonly<Record<string, string>> }} where
 */
async function started(what, args, { folder, port, log, env = {} }) {
  const server = await startDetached('redis-server', args, { cwd: folder, log, env: { ...process.env, ...env } });
  const dead = () => !lives(server);
  if (!(await untilAnswers(() => redisIsUp(`redis://127.0.0.1:${port}`), { within: 15_000, abandoned: dead }))) {
    await stopOwned(server);
    throw new Fault(`${what} did not start on port ${port}. Its log ends with:\n${tailOf(log)}`);
  }
  return { ...server, log };
}
