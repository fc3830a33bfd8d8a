import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../services/fault.mjs';
import { ensureCommands } from '../services/packages.mjs';
import { cacheFolder } from '../services/places.mjs';
import { example, fetchedFor } from './places.mjs';

/** @returns {import('./programs.mjs').Program} the loop in Python, with its packages fetched once per user */
export function python() {
  ensureCommands(
    [
      { command: 'python3', package: 'python3' },
      { command: 'pip3', package: 'python3-pip' },
    ],
    'for the client in Python.',
  );
  const requirements = example('python/requirements.txt');
  const folder = fetchedFor('python', requirements);
  if (!existsSync(folder)) {
    mkdirSync(cacheFolder, { recursive: true });
    // Built beside its place and moved there whole: an interrupted fetch must not look like a finished one.
    const making = mkdtempSync(join(cacheFolder, 'making-'));
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input'];
    try {
      const into = ['--target', join(making, 'packages'), '--requirement', requirements];
      execFileSync('python3', [...install, ...into], { stdio: 'pipe', encoding: 'utf8', timeout: 5 * 60_000 });
      if (!existsSync(folder)) renameSync(join(making, 'packages'), folder);
    } catch (error) {
      const { stderr = '' } = /** @type {{ stderr?: string }} */ (error);
      throw new Fault(`pip could not fetch the packages of the client in Python: ${stderr.trim() || error}`);
    } finally {
      rmSync(making, { recursive: true, force: true });
    }
  }
  return { command: 'python3', args: [example('python/payments.py')], env: { PYTHONPATH: folder } };
}
