import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectFiles } from './project-files.js';

const [, section = ''] = /\n## The map\n([\s\S]*?)(?=\n## |$(?![\s\S]))/.exec(readFileSync('DESIGN.md', 'utf8')) ?? [];

/** A bold row is a folder with its question; the rows under it are its files. */
const rows: { folder: string; question: string; files: string[] }[] = [];
for (const [, cell = '', text = ''] of section.matchAll(/^\| (\*\*`src\/[\w/-]*`\*\*|`[\w.-]+`) \| (.+) \|$/gm)) {
  const name = cell.replace(/[*`]/g, '');
  if (cell.startsWith('*')) rows.push({ folder: name.replace(/\/$/, ''), question: text, files: [] });
  else rows.at(-1)?.files.push(name);
}

const folders = new Map<string, string[]>();
for (const file of projectFiles.filter((one) => /^src\/.*\.ts$/.test(one))) {
  folders.set(dirname(file), [...(folders.get(dirname(file)) ?? []), basename(file)]);
}

describe('the map of DESIGN.md', () => {
  test('has every folder of src, once', () => {
    expect(rows.map(({ folder }) => folder).sort()).toEqual([...folders.keys()].sort());
  });

  test.each(rows)('names every file of $folder, and no other', ({ folder, files }) => {
    expect(files.sort()).toEqual([...(folders.get(folder) ?? [])].sort());
  });

  test.each(rows)('asks one question of $folder', ({ question }) => {
    expect(question).toMatch(/^\*\*[^?]+\?\*\*/);
  });
});
