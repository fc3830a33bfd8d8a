import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/** Blocks of docs/clients.md that say which file they are. */
const files = [...readFileSync('docs/clients.md', 'utf8').matchAll(/```tsx?\n\/\/ ([\w-]+\.tsx?)\n([\s\S]*?)```/g)].map(
  ([, name = '', text = '']) => ({ name, text }),
);

const { exports } = JSON.parse(readFileSync('packages/client/package.json', 'utf8')) as {
  exports: Record<string, { default: string }>;
};
const paths = Object.fromEntries(
  Object.entries(exports).map(([entry, { default: made }]) => [
    entry.replace('.', 'tailrace-client'),
    [resolve(made.replace('./dist/', 'src/client/').replace('.js', '.ts'))],
  ]),
);

/** As the project of a page has it. */
const compilerOptions = {
  target: 'ES2022',
  module: 'ESNext',
  moduleResolution: 'Bundler',
  lib: ['ES2023', 'DOM', 'DOM.Iterable'],
  types: [],
  jsx: 'react-jsx',
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  paths,
};

test('what docs/clients.md has one copy compiles as it stands, in the project of a page', async () => {
  const project = mkdtempSync(join(tmpdir(), 'tailrace-snippets-'));
  try {
    symlinkSync(resolve('node_modules'), join(project, 'node_modules'));
    mkdirSync(join(project, 'src'));
    for (const { name, text } of files) writeFileSync(join(project, 'src', name), text);
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
    const { stdout } = await promisify(execFile)(process.execPath, [
      'node_modules/typescript/bin/tsc',
      '-p',
      project,
    ]).catch((failed) => failed);
    expect(stdout).toBe('');
    expect(files.length).toBeGreaterThan(7);
  } finally {
    rmSync(project, { recursive: true });
  }
});
