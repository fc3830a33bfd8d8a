import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Fault } from './fault.mjs';
import { stateFolder } from './places.mjs';
import { lives } from './processes.mjs';

/**
 * A service that was found or started. `from` says how: `environment` is never ended by us, `compose` by Docker.
 * @typedef {{ from: 'environment' | 'compose' | 'local', address: string, pid?: number, started?: string, log?: string }} Service
 */
/** @typedef {Record<string, Service>} Services by name: `redis`, `kafka-4.3.1`, `kafka-3.9.1` */

const file = join(stateFolder, 'state.json');

/** @returns {Services} */
export function readState() {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return {};
  }
}

/** @param {Services} services */
export function writeState(services) {
  mkdirSync(stateFolder, { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify(services, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

/**
 * Runs `work` while no other process of this clone brings services up or down.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function alone(work) {
  const lock = join(stateFolder, 'lock');
  mkdirSync(stateFolder, { recursive: true });
  const deadline = Date.now() + 20 * 60_000;
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    }
    const holder = holderOf(lock);
    if (holder !== null && !isAlive(holder)) rmSync(lock, { force: true });
    else if (Date.now() > deadline) throw new Fault(`Another process (${holder}) holds ${lock}.`);
    else await wait(200);
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** @param {string} lock */
function holderOf(lock) {
  try {
    return Number(readFileSync(lock, 'utf8')) || null;
  } catch {
    return null;
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/**
 * The process of a local service that still is the one started; null when it ended or was never ours.
 * @param {Service} service
 */
export function ownedProcess({ pid, started }) {
  if (pid === undefined || started === undefined) return null;
  const owned = { pid, started };
  return lives(owned) ? owned : null;
}
