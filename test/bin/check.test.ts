import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { check } from '../../src/bin/check.js';

const folder = mkdtempSync(join(tmpdir(), 'tailrace-check-'));
afterAll(() => rmSync(folder, { recursive: true }));

function checked(
  sdl: string,
  { env = {}, words = [] }: { env?: Record<string, string>; words?: readonly string[] } = {},
) {
  const file = join(folder, 'schema.graphql');
  writeFileSync(file, sdl);
  const lines: string[] = [];
  const code = check(
    words,
    { TAILRACE_SCHEMA: file, ...env },
    (line) => void lines.push(line.replaceAll(file, 'schema.graphql')),
  );
  return { code, lines };
}

const good = `type Subscription {
  mine(least: Float): Payment @kafka(topic: "payments") @where(rule: "event.user == claims.sub && (args.least == null || event.amount >= args.least)")
  bus(id: ID): Bus @kafka(topic: "feed", each: "record.value.entity") @where(rule: "args.id == null || event.id == args.id") @public @history(retain: "90s", max: 7)
  typing: String @public
}
type Payment { user: ID amount: Float }
type Bus { id: ID }`;

test('a good schema ends with 0 and shows the routes and appends of each field', () => {
  const { code, lines } = checked(good, { env: { TAILRACE_HISTORY_RETAIN: '1h' } });
  expect(code).toBe(0);
  expect(lines.map((line) => line.replace(/\([\w-]{11}\)/, '(id)'))).toEqual([
    'schema.graphql:4:3 warning: Subscription field typing has no @kafka: it is served by a resolver, neither resumes nor promises delivery',
    'mine ← payments: 1 append per record, kept 1h and 1000 events a channel',
    '  by event.user (id)',
    'bus ← feed: up to 2 appends per element of a record, kept 90s and 7 events a channel',
    '  everything (id)',
    '  by event.id (id)',
    'typing: ephemeral, by a resolver',
  ]);
});

test('every fault has its place and ends with 1', () => {
  const { code, lines } = checked(good.replace('event.user', 'event.usr').replace(' @public\n', '\n'));
  expect(code).toBe(1);
  expect(lines.map((line) => line.slice(0, 40))).toEqual([
    expect.stringMatching(/^schema\.graphql:2:\d+ `usr` is unknown/),
    expect.stringMatching(/^schema\.graphql:4:3 Subscription field ty/),
    expect.stringMatching(/^schema\.graphql:4:3 warning/),
  ]);
});

test('faults of the configuration are told too, and refuse a good schema', () => {
  const { code, lines } = checked(good, { env: { TAILRACE_PROT: '1' } });
  expect(code).toBe(1);
  expect(lines[0]).toContain('TAILRACE_PROT');
  expect(lines.join('\n')).toContain('mine ← payments');
});

test('a file may be named, and one that is missing is said by name', () => {
  expect(checked(good, { words: [join(folder, 'schema.graphql')], env: { TAILRACE_SCHEMA: 'nowhere' } }).code).toBe(0);
  const { code, lines } = checked(good, { words: ['nowhere.graphql'] });
  expect(code).toBe(1);
  expect(lines.join()).toContain('nowhere.graphql');
});

test('arguments that are not understood end with 2 and the usage', () => {
  expect(checked(good, { words: ['--loud'] })).toEqual({ code: 2, lines: ['usage: tailrace check [schema.graphql]'] });
  expect(checked(good, { words: ['a', 'b'] }).code).toBe(2);
});
