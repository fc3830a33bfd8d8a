import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { testRules } from '../../src/bin/test-rules.js';

const folder = mkdtempSync(join(tmpdir(), 'tailrace-rules-'));
afterAll(() => rmSync(folder, { recursive: true }));
const schema = join(folder, 'schema.graphql');
writeFileSync(
  schema,
  `type Subscription {
    mine(least: Float): Payment @kafka(topic: "payments") @where(rule: "event.user == claims.sub && (args.least == null || event.amount >= args.least)")
    fromEu: Payment @kafka(topic: "payments") @where(rule: "record.headers.region == 'eu'") @public
    typing: String @public
  }
  type Payment { user: ID amount: Float }`,
);

async function tested(yaml: string, more: readonly string[] = []) {
  const file = join(folder, 'rules.yaml');
  writeFileSync(file, yaml);
  const lines: string[] = [];
  const print = (line: string) => void lines.push(line.replaceAll(`${folder}/`, ''));
  const code = await testRules([file, ...more], { TAILRACE_SCHEMA: schema }, { out: print, err: print });
  return { code, lines };
}

test('the cases of the sample hold for its schema', async () => {
  const lines: string[] = [];
  const print = (line: string) => void lines.push(line);
  const code = await testRules(['rules.yaml'], { TAILRACE_SCHEMA: 'schema.graphql' }, { out: print, err: print });
  expect(lines).toEqual([expect.stringMatching(/^[1-9]\d* passed, 0 failed$/)]);
  expect(code).toBe(0);
});

test('cases that are as they say: 0, with their number', async () => {
  const answer = await tested(`
mine:
  - allow: her own
    claims: { sub: ada }
    event: { user: ada, amount: 1 }
  - deny: too little
    claims: { sub: ada }
    args: { least: 2 }
    event: { user: ada, amount: 1 }
  - deny: no token
    event: { user: ada, amount: 1 }
fromEu:
  - { allow: by its header, event: {}, record: { headers: { region: eu } } }
`);
  expect(answer).toEqual({ code: 0, lines: ['4 passed, 0 failed'] });
});

test('a case that is not: 1, with its place, its words and the rule as a tree', async () => {
  const { code, lines } = await tested(`mine:
  - allow: her own
    claims: { sub: grace }
    event: { user: ada }
  - deny: somebody else's
    claims: { sub: ada }
    event: { user: ada }
`);
  expect(code).toBe(1);
  expect(lines[0]).toBe('rules.yaml:2:5 mine: not allowed: her own');
  expect(lines[1]).toBe('  deny: the rule is false');
  expect(lines).toContain('      event.user == claims.sub → false');
  expect(lines).toContain("rules.yaml:5:5 mine: not denied: somebody else's");
  expect(lines.at(-1)).toBe('0 passed, 2 failed');
});

describe('a file that cannot be understood ends with 2 and its place', () => {
  for (const [yaml, line] of [
    ['mine: [', 'rules.yaml:1:'],
    ['- a list', 'rules.yaml:1:1 must have the names of fields'],
    ['{}', 'rules.yaml:1:1 has no case'],
    ['mine: []', 'rules.yaml:1:1 mine has no case'],
    ['mine: 1', 'rules.yaml:1:1 mine must have a list of cases'],
    ['mine:\n  - { allow: a, deny: b, event: {} }', 'rules.yaml:2:5 needs either allow or deny'],
    ['mine:\n  - { event: {} }', 'rules.yaml:2:5 needs either allow or deny'],
    ['mine:\n  - { allow: a }', 'rules.yaml:2:5 event: is needed'],
    [
      'mine:\n  - { allow: a, event: {}, claim: {} }',
      'rules.yaml:2:5 Unrecognized key: "claim"; there are allow, deny, claims, args, event, record',
    ],
    ['mine:\n  - { allow: a, event: {}, args: { most: 1 } }', 'rules.yaml:2:5 args: mine has no argument "most"'],
    ['nope:\n  - { allow: a, event: {} }', 'rules.yaml:2:5 There is no subscription field "nope"'],
    ['typing:\n  - { allow: a, event: {} }', 'rules.yaml:2:5 typing has no @kafka'],
  ] as const) {
    test(JSON.stringify(yaml), async () => {
      const { code, lines } = await tested(yaml);
      expect(code).toBe(2);
      expect(lines[0]).toContain(line);
    });
  }

  test('no file at all, and one that is not there', async () => {
    const lines: string[] = [];
    const print = (line: string) => void lines.push(line);
    const ask = (files: string[]) => testRules(files, { TAILRACE_SCHEMA: schema }, { out: print, err: print });
    expect(await ask([])).toBe(2);
    expect(await ask([join(folder, 'nowhere.yaml')])).toBe(2);
    expect(lines).toEqual([expect.stringContaining('usage'), expect.stringContaining('nowhere.yaml cannot be read')]);
  });
});

test('whole numbers in a table count to the last digit', async () => {
  const answer = await tested(`
mine:
  - allow: her own
    claims: { sub: 9007199254740993 }
    event: { user: "9007199254740993", amount: 1 }
    record: { offset: 7 }
  - deny: the neighbour's
    claims: { sub: 9007199254740993 }
    event: { user: 9007199254740992, amount: 1 }
`);
  expect(answer).toEqual({ code: 0, lines: ['2 passed, 0 failed'] });
});
