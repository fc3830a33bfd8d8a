import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const table = readFileSync(`${root}docs/failures.md`, 'utf8');

/** All test files by their names without an ending; of some there are several. */
const tests = new Map<string, string[]>();
for (const path of readdirSync(`${root}test`, { recursive: true, encoding: 'utf8' })) {
  const name = /([^/\\]+?)(\.property)?(\.test)?\.ts$/.exec(path)?.[1];
  if (name) tests.set(name, [...(tests.get(name) ?? []), readFileSync(`${root}test/${path}`, 'utf8')]);
}

const rows = table
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
  .map((line) => line.split(' | ').map((cell) => cell.replaceAll(/^\| | \|$/g, '')))
  .filter(([, , , last]) => last !== 'test');

describe('what can happen, and who is told', () => {
  test('has a row for each', () => expect(rows.length).toBeGreaterThan(20));

  test.each(rows)('%s', (...cells) => {
    const named = [...(cells.at(-1) ?? '').matchAll(/`([^`]+)`(?:: \*([^*]+)\*)?/g)];
    expect(named.length, 'a test stands in its last cell').toBeGreaterThan(0);
    for (const [, file = '', name = ''] of named) {
      expect(
        tests.get(file)?.some((text) => text.includes(name)),
        `${file} has a test ‘${name}’`,
      ).toBe(true);
    }
    // Who is told nothing is told why.
    if (cells.at(-2)?.startsWith('nothing')) expect(cells.at(-2)).toMatch(/^nothing(:| within)/);
  });
});
