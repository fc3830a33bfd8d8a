import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readJson } from '../../src/event/read-json.js';
import { fieldWith, judge } from '../schema/given.js';

const [, table = ''] = /<!-- rules:.*?-->\n([\s\S]*?)<!-- \/rules -->/.exec(readFileSync('PROTOCOL.md', 'utf8')) ?? [];

const value = (cell: string) => (cell === '' ? {} : (readJson(cell) as Record<string, unknown>));
const outcomes = { shown: 'allow', denied: 'deny', 'denied, as an error': 'error' } as const;

describe('PROTOCOL.md says what a rule does', () => {
  const rows = table.trim().split('\n').slice(2);
  test('in a table', () => expect(rows.length).toBeGreaterThan(10));
  for (const row of rows) {
    // A pipe inside a cell is escaped, as Markdown wants it.
    const cells = row.split(/(?<!\\)\|/).slice(1, -1);
    const [rule = '', event = '', args = '', claims = '', outcome = ''] = cells.map((cell) =>
      cell
        .trim()
        .replaceAll('\\|', '|')
        .replace(/^`(.*)`$/, '$1'),
    );
    test(`${rule} ${event} ${args} ${claims}: ${outcome}`, () => {
      const [said = ''] = outcome.split(':');
      const given = { event: value(event), args: value(args), claims: value(claims) };
      expect(judge(fieldWith(rule), given)).toBe(outcomes[said as keyof typeof outcomes]);
    });
  }
});
