import { join } from 'node:path';
import { root } from '../services/places.mjs';

/** @param {string} file */
export const example = (file) => join(root, 'examples/clients', file);
