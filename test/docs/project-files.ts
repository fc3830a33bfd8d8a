import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Every file of the project that git knows, or would take: paths from the root, with `/`. */
export const projectFiles: readonly string[] = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard'],
  { encoding: 'utf8' },
)
  .trim()
  .split('\n')
  // Deleted, and not yet so in the index.
  .filter(existsSync);

export const documents: readonly string[] = projectFiles.filter((file) => file.endsWith('.md'));
