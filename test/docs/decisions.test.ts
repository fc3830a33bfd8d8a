import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectFiles } from './project-files.js';

const folder = 'docs/decisions';
const files = projectFiles.filter((file) => /^docs\/decisions\/\d/.test(file)).map((file) => basename(file));
const index = readFileSync(`${folder}/README.md`, 'utf8');
const row = /^\| (\d+) \| \[(.+)\]\((\S+\.md)\) \| (\d{4}-\d\d-\d\d) \|$/gm;
const listed = [...index.matchAll(row)].map(([, number = '', title = '', file = '', date = '']) => {
  return { number, title, file, date };
});

describe('docs/decisions', () => {
  test('has an index of every decision, each once', () => {
    expect(listed.map(({ file }) => file).sort()).toEqual([...files].sort());
  });

  test('gives no number twice', () => {
    const numbers = files.map((file) => file.slice(0, 4));
    expect([...new Set(numbers)]).toEqual(numbers);
  });

  test.each(listed)(
    '$file says its number, title, date and state, and what was measured',
    ({ number, title, file, date }) => {
      const text = readFileSync(`${folder}/${file}`, 'utf8');
      expect(file.slice(0, 4)).toBe(number.padStart(4, '0'));
      expect(
        text.startsWith(`# ${number}. ${title}\n\n| date | state | measured |\n| --- | --- | --- |\n| ${date} | `),
      ).toBe(true);
      expect(text.split('\n')[4]).toMatch(/\| (accepted|replaced)[^|]* \| [^|]+ \|$/);
    },
  );
});
