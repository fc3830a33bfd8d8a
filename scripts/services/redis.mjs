import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { redisIsUp, untilAnswers } from './answers.mjs';
import { Fault } from './fault.mjs';
import { ensureCommands } from './packages.mjs';
import { lives, startDetached, stopOwned, tailOf } from './processes.mjs';

/** @type {readonly import('./packages.mjs').Needed[]} */
export const redisNeeds = [{ command: 'redis-server', package: 'redis-server' }];

/**
 * Starts a redis-server on 127.0.0.1 without persistence and waits for its answer.
 * @param {{ folder: string, port: number, args?: readonly string[], fresh?: boolean }} options `fresh: false` keeps
 *   what lies in the folder; `args` are redis-server's own, such as `--save ''`
 * @returns {Promise<import('./processes.mjs').Owned & { log: string }>}
 */
export async function startRedisServer({ folder, port, args = [], fresh = true }) {
  ensureCommands(redisNeeds, 'to run a Redis.');
  if (fresh) rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const log = join(folder, 'redis.log');
  const own = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', '', '--appendonly', 'no'];
  const server = await startDetached('redis-server', [...own, ...args], { cwd: folder, log });
  const dead = () => !lives(server);
  if (!(await untilAnswers(() => redisIsUp(`redis://127.0.0.1:${port}`), { within: 15_000, abandoned: dead }))) {
    await stopOwned(server);
    throw new Fault(`redis-server did not start on port ${port}. Its log ends with:\n${tailOf(log)}`);
  }
  return { ...server, log };
}
