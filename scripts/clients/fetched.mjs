import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Fault } from '../services/fault.mjs';
import { fetchedOnce } from '../services/fetched-once.mjs';

/**
 * The folder of what this manifest names, fetched once per user: another one as soon as the manifest says something else.
 * @param {string} language
 * @param {string} manifest
 * @param {(into: string) => [command: string, ...words: string[]]} fetching
 */
export function fetched(language, manifest, fetching) {
  const hash = createHash('sha256').update(readFileSync(manifest)).digest('hex').slice(0, 12);
  const needed = `what the client in ${language} needs`;
  return fetchedOnce(`client-${language}-${hash}`, needed, (into, making) => {
    const [command, ...words] = fetching(into);
    try {
      execFileSync(command, words, { cwd: making, stdio: 'pipe', encoding: 'utf8', timeout: 10 * 60_000 });
    } catch (error) {
      const { stdout = '', stderr = '' } = /** @type {{ stdout?: string, stderr?: string }} */ (error);
      throw new Fault(`${command} could not fetch ${needed}: ${`${stdout}${stderr}`.trim() || error}`);
    }
  });
}
