import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The clone this script belongs to. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Pids, ports, data and logs of the services of this clone. */
export const stateFolder = join(root, '.services');

/** What is slow to get and the same for every clone of this user: Kafka's jars. */
export const cacheFolder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tailrace');
