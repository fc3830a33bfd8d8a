import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const protocol = readFileSync('PROTOCOL.md', 'utf8');

/** The rows of the table between two comments, cells without their marks. */
function rowsOf(name: string): string[][] {
  const [, table] = new RegExp(`<!-- ${name}:.*?-->\\n([\\s\\S]*?)<!-- /${name} -->`).exec(protocol) ?? [];
  if (table === undefined) throw new Error(`PROTOCOL.md has no table of ${name}`);
  const lines = table.trim().split('\n').slice(2);
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

describe('PROTOCOL.md', () => {
  test('has every fault that a client can meet, as src/event/faults.ts says it', () => {
    const source = readFileSync('src/event/faults.ts', 'utf8');
    const table = source.slice(source.indexOf('const table = {'), source.indexOf('} as const'));
    const row = /(\w+): \{\s*text: '([^']*)',\s*status: (\d+),\s*close: (null|\d+),\s*retry: (true|false),?\s*\}/g;
    const faults = [...table.matchAll(row)].map(([, code, text, status, close, retry]) => {
      return [code, text, status, close === 'null' ? '' : close, retry === 'true' ? 'yes' : 'no'];
    });
    expect(faults).toHaveLength(table.match(/\btext:/g)?.length ?? 0);
    expect(rowsOf('faults')).toEqual(faults);
  });

  test('has every reason of a gap, and no other', () => {
    const source = readFileSync('src/event/position.ts', 'utf8');
    const [, union = ''] = /export type GapReason =([^;]*);/.exec(source) ?? [];
    const reasons = [...union.matchAll(/'(\w+)'/g)].map(([, reason]) => reason);
    expect(reasons.length).toBeGreaterThan(0);
    expect(rowsOf('reasons').map(([reason]) => reason)).toEqual(reasons);
  });
});
