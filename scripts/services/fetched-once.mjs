import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from './places.mjs';

/**
 * True when the folder of this name is there.
 * @param {string} name
 */
export const isFetched = (name) => existsSync(join(cacheFolder, name));

/**
 * The folder of this name among what is fetched once per user. `fetch` fills it when it is not there: it is given an empty
 * folder to work in and makes `into`, which lies within. It throws a Fault that says why it cannot.
 * @param {string} name another one as soon as other things are in it
 * @param {string} what as one line tells it
 * @param {(into: string, making: string) => void} fetch
 */
export function fetchedOnce(name, what, fetch) {
  const folder = join(cacheFolder, name);
  if (existsSync(folder)) return folder;
  console.log(`Fetching ${what} …`);
  mkdirSync(cacheFolder, { recursive: true });
  // Made beside its place and moved there whole: an interrupted fetch must not look like a finished one.
  const making = mkdtempSync(join(cacheFolder, 'making-'));
  try {
    const into = join(making, 'fetched');
    fetch(into, making);
    if (!existsSync(folder)) renameSync(into, folder);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return folder;
}
