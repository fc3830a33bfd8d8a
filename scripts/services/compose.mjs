import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Fault } from './fault.mjs';
import { which } from './packages.mjs';
import { root } from './places.mjs';

// Named after the clone: two clones of one user do not end each other's containers.
const project = `tailrace-${createHash('sha256').update(root).digest('hex').slice(0, 8)}`;

/** True when a Docker engine answers and Compose is there; the client alone is not enough. */
export function composeAnswers() {
  if (which('docker') === null) return false;
  const asks = [['info'], ['compose', 'version']];
  return asks.every((args) => spawnSync('docker', args, { stdio: 'ignore', timeout: 10_000 }).status === 0);
}

/**
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 */
function compose(args, env = {}) {
  const file = join(root, 'scripts/services/compose.yml');
  const words = ['compose', '--project-name', project, '--file', file, '--profile', 'kafka-3.9.1', ...args];
  const { status, stderr } = spawnSync('docker', words, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 15 * 60_000,
  });
  if (status !== 0) throw new Fault(`docker compose ${args[0]} failed: ${(stderr ?? '').trim().split('\n').at(-1)}`);
}

/** The variable of `compose.yml` that takes the port of a service. */
const portVariable = { redis: 'REDIS_PORT', 'kafka-4.3.1': 'KAFKA_PORT', 'kafka-3.9.1': 'KAFKA39_PORT' };

/**
 * Starts one service and publishes it on a port of 127.0.0.1. Its answer is for the caller to wait for.
 * @param {keyof typeof portVariable} name
 * @param {number} port
 */
export const composeUp = (name, port) =>
  compose(['up', '--detach', '--no-recreate', name], { [portVariable[name]]: String(port) });

/**
 * Ends one service with its data. Safe to repeat.
 * @param {keyof typeof portVariable} name
 */
export const composeEnd = (name) => compose(['rm', '--stop', '--force', '--volumes', name]);

/** Ends what is left of this clone's project: its network. */
export const composeDown = () => compose(['down', '--volumes', '--timeout', '5']);
