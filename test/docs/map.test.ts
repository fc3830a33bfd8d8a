import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectFiles } from './project-files.js';

const [, section = ''] = /\n## The map\n([\s\S]*?)(?=\n## |$(?![\s\S]))/.exec(readFileSync('DESIGN.md', 'utf8')) ?? [];

/** A row is a folder, its question, and its files. */
const rows = [...section.matchAll(/^\| `(src\/[\w/]*)` \| ([^|]+) \| ([^|]+) \|$/gm)].map(
  ([, folder = '', question = '', files = '']) => ({
    folder: folder.replace(/\/$/, ''),
    question,
    files: [...files.matchAll(/`([\w.-]+\.ts)`/g)].map(([, name = '']) => name),
  }),
);

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
    expect(question.match(/\?/g)).toHaveLength(1);
  });
});
