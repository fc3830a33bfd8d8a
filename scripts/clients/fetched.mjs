import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../services/fault.mjs';
import { cacheFolder } from '../services/places.mjs';

/**
 * The folder of what this manifest names, fetched once per user: another one as soon as the manifest says something else.
 * @param {string} language
 * @param {string} manifest
 * @param {(into: string) => [command: string, ...words: string[]]} fetching
 */
export function fetched(language, manifest, fetching) {
  const hash = createHash('sha256').update(readFileSync(manifest)).digest('hex').slice(0, 12);
  const folder = join(cacheFolder, `client-${language}-${hash}`);
  if (existsSync(folder)) return folder;
  console.log(`Fetching what the client in ${language} needs …`);
  mkdirSync(cacheFolder, { recursive: true });
  // Built beside its place and moved there whole: an interrupted fetch must not look like a finished one.
  const making = mkdtempSync(join(cacheFolder, 'making-'));
  const into = join(making, 'packages');
  const [command, ...words] = fetching(into);
  try {
    execFileSync(command, words, { cwd: making, stdio: 'pipe', encoding: 'utf8', timeout: 10 * 60_000 });
    if (!existsSync(folder)) renameSync(into, folder);
  } catch (error) {
    const { stdout = '', stderr = '' } = /** @type {{ stdout?: string, stderr?: string }} */ (error);
    throw new Fault(
      `${command} could not fetch what the client in ${language} needs: ${`${stdout}${stderr}`.trim() || error}`,
    );
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return folder;
}
