import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { programs } from '../../scripts/clients/programs.mjs';
import { projectFiles } from './project-files.js';

const blocks = readFileSync('docs/clients.md', 'utf8').matchAll(/```(python|java|rust)\n([\s\S]*?)```/g);
const shown = [...blocks].map(([, language = '', code = '']) => ({ language, code }));

test('docs/clients.md shows a loop of each language that has a program', () => {
  expect(new Set(shown.map(({ language }) => language))).toEqual(new Set(Object.keys(programs)));
});

test.each(shown)('the $language that is shown is the $language that is run', ({ language, code }) => {
  const files = projectFiles.filter((file) => file.startsWith(`examples/clients/${language}/`));
  const texts = files.map((file) => readFileSync(file, 'utf8'));
  expect(texts.some((text) => text.includes(code))).toBe(true);
});
