import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Fault } from './fault.mjs';

/**
 * Where a command lies on the PATH, or where Debian has its servers, which is only on root's; null when it is not there.
 * @param {string} name
 */
export function which(name) {
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin']) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {}
  }
  return null;
}

/** @typedef {{ command: string, package: string }} Needed a command, and Debian's package that brings it */

let updated = false;

/**
 * Makes commands available: installs Debian packages when root, else throws one line that says what is missing.
 * @param {readonly Needed[]} wanted
 * @param {string} purpose ends the sentence of the fault
 */
export function ensureCommands(wanted, purpose) {
  const missing = wanted.filter(
    ({ command }, at) => which(command) === null && wanted.findIndex((other) => other.command === command) === at,
  );
  if (missing.length === 0) return;
  const commands = missing.map((each) => each.command).join(', ');
  const packages = missing.map((each) => each.package);
  const sentence = `Missing: ${commands} (Debian: apt-get install ${packages.join(' ')}) ${purpose}`;
  if (which('apt-get') === null || process.getuid?.() !== 0) throw new Fault(sentence);

  console.log(`Installing ${packages.join(', ')} …`);
  // RUNLEVEL=1: the package must not start a server of its own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  /** @param {string[]} args */
  const apt = (...args) => {
    const { status, stderr } = spawnSync('apt-get', args, { env, encoding: 'utf8', timeout: 15 * 60_000 });
    if (status !== 0)
      throw new Fault(`${sentence}. apt-get ${args[0]} failed: ${(stderr ?? '').trim().split('\n').at(-1)}`);
  };
  if (!updated) apt('update', '-qq');
  updated = true;
  apt('install', '-y', '-qq', '--no-install-recommends', ...packages);
  const still = wanted.find(({ command }) => which(command) === null);
  if (still) throw new Fault(`${sentence}. Installing ${still.package} brought no ${still.command}`);
}
