import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { commentsOf, wrongPaths } from './named-paths.js';
import { documents, projectFiles } from './project-files.js';

const read = (file: string) => readFileSync(file, 'utf8');
/** A link leads from its own file, and links.test.ts follows it. */
const unlinked = (text: string) => text.replace(/\]\([^)]*\)/g, ']');

describe('a path that is named leads to a file that is there', () => {
  test.each(documents)('in %s', (file) => {
    expect(wrongPaths(unlinked(read(file)))).toEqual([]);
  });

  const sources = projectFiles.filter((file) => /\.(ts|mjs|cjs|grit)$/.test(file) && !file.includes('/fixtures/'));
  const named = sources.filter((file) => /\.(ts|mjs|cjs|grit|md)\b/.test(commentsOf(read(file))));

  test('in comments of more than ten sources', () => expect(named.length).toBeGreaterThan(10));
  test.each(named)('in comments of %s', (file) => {
    expect(wrongPaths(commentsOf(read(file)))).toEqual([]);
  });
});

describe('a path is', () => {
  const cases: [text: string, wrong: number][] = [
    ['see `src/hub/hub.ts`', 0],
    ['see src/hub/hub.ts.', 0],
    ['see `test/docs/*.test.ts`', 0],
    ['in `src/hub/`, and in `src/hub`', 0],
    ['`paths.test.ts` holds it', 0],
    ['https://github.com/someone/hub/blob/main/lib/hub.ts', 0],
    ['`dist/bin/tailrace.js` is made', 0],
    ['see `src/hub/hubs.ts`', 1],
    ['see `test/docs/*.tests.ts`', 1],
    ['in `src/hubs/`', 1],
    ['see `hub/hub.ts`', 1],
    ['`no-such-file.ts` holds it', 1],
  ];
  test.each(cases)('%s: %i wrong', (text, wrong) => expect(wrongPaths(text)).toHaveLength(wrong));
});
