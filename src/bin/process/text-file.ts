import { readFileSync } from 'node:fs';

/**
 * The text of a file that a person gives, without the mark of its encoding with which some editors begin it: nobody can see it,
 * and JSON has no such character. Throws Node's error when the file cannot be read.
 */
export const textIn = (file: string): string => readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
