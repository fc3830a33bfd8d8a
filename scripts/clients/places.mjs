import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, root } from '../services/places.mjs';

/** @param {string} file */
export const example = (file) => join(root, 'examples/clients', file);

/**
 * The folder for what this file names: another one as soon as the file names something else.
 * @param {string} language
 * @param {string} manifest
 */
export function fetchedFor(language, manifest) {
  const hash = createHash('sha256').update(readFileSync(manifest)).digest('hex');
  return join(cacheFolder, `client-${language}-${hash.slice(0, 12)}`);
}
