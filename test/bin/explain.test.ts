import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { explain } from '../../src/bin/explain.js';

const folder = mkdtempSync(join(tmpdir(), 'tailrace-explain-'));
afterAll(() => rmSync(folder, { recursive: true }));
const schema = join(folder, 'schema.graphql');
writeFileSync(
  schema,
  `type Subscription {
    mine(least: Float = 5): Payment @kafka(topic: "payments") @where(rule: "event.user == claims.sub && event.amount >= args.least")
    fromEu: Payment @kafka(topic: "payments") @where(rule: "record.headers.region == 'eu'") @public
    typing: String @public
    shop(id: ID!): Payment @kafka(topic: "payments") @where(rule: "event.shop == args.id") @requiresScopes(scopes: [["shop:read", "eu"], ["admin"]])
  }
  type Payment { user: ID amount: Float shop: ID }`,
);

function explained(...words: string[]) {
  const lines: string[] = [];
  const code = explain(words, { TAILRACE_SCHEMA: schema }, (line) => void lines.push(line));
  return { code, first: lines[0] ?? '', text: lines.join('\n') };
}

const payment = '{"user": 1, "amount": 9}';

test('a viewer who gets the event: 0, with the tree and the channels', () => {
  const { code, text } = explained('--field', 'mine', '--event', payment, '--claims', '{"sub": "1"}');
  expect(code).toBe(0);
  expect(text).toMatch(/^allow: the rule is true\nrule\n {2}event\.user == claims\.sub && /);
  expect(text).toContain('    event.user == claims.sub → true\n      event.user → 1\n      claims.sub → "1"');
  const [, goes] = /event\.user: (\S+)/.exec(text) ?? [];
  expect(text).toContain(`the viewer listens to\n  ${goes}`);
});

test('arguments are as GraphQL would hand them over: coerced, with their defaults', () => {
  expect(explained('--field', 'mine', '--event', '{"user": 1, "amount": 4}', '--claims', '{"sub": "1"}').first).toBe(
    'deny: the rule is false',
  );
  expect(
    explained(
      '--field',
      'mine',
      '--event',
      '{"user": 1, "amount": 4}',
      '--claims',
      '{"sub": "1"}',
      '--args',
      '{"least": 3}',
    ).code,
  ).toBe(0);
});

test('a viewer who does not: 1, with the reason', () => {
  expect(explained('--field', 'mine', '--event', payment)).toMatchObject({
    code: 1,
    first: 'deny: Subscription.mine refuses this viewer: UNAUTHENTICATED, it asks for a token (--claims)',
  });
  expect(explained('--field', 'mine', '--event', payment, '--claims', '{"sub": "2"}')).toMatchObject({
    code: 1,
    first: 'deny: the rule is false',
  });
  expect(explained('--field', 'mine', '--event', payment, '--claims', '{}').first).toMatch(
    /^deny: the rule ends in an error: event\.user == claims\.sub/,
  );
});

test('the record may be given, and any JSON from a file', () => {
  const file = join(folder, 'event.json');
  writeFileSync(file, payment);
  expect(explained('--field', 'fromEu', '--event', `@${file}`, '--record', '{"headers": {"region": "eu"}}').code).toBe(
    0,
  );
  expect(explained('--field', 'fromEu', '--event', `@${file}`).code).toBe(1);
});

test.each([
  [['--field', 'mine'], 'usage: tailrace explain'],
  [['--field', 'mine', '--event', '{'], '--event must be JSON'],
  [['--field', 'mine', '--event', '@nowhere.json'], '--event must be JSON'],
  [['--field', 'nope', '--event', '1'], 'there are: mine, fromEu, shop'],
  [['--field', 'typing', '--event', '1'], 'typing has no @kafka'],
  [['--field', 'mine', '--event', '1', '--args', '{"x": 1}'], 'mine has no argument "x"'],
  [['--field', 'mine', '--event', '1', '--args', '{"least": "a lot"}'], 'args: least'],
  [['--field', 'shop', '--event', '1'], 'args: shop needs "id" (ID!)'],
  [['--field', 'mine', '--event', '1', '--claims', '[]'], '--claims'],
  [['--field', 'mine', '--event', '1', '--record', '{"offset": "x"}'], '--record.offset'],
  [['--loud'], '--loud'],
])('a question with a fault ends with 2: %j', (words, message) => {
  const { code, text } = explained(...words);
  expect(code).toBe(2);
  expect(text).toContain(message);
});

test('a viewer without the scopes is told which ones the field asks for', () => {
  const words = ['--field', 'shop', '--event', '{"shop": 1}', '--args', '{"id": 1}', '--claims', '{"scope": "eu"}'];
  expect(explained(...words)).toMatchObject({
    code: 1,
    first: 'deny: Subscription.shop refuses this viewer: FORBIDDEN, it asks for the scopes shop:read and eu, or admin',
  });
});

test('a number too large to be one is shown as it was taken', () => {
  const { code, text } = explained(
    '--field',
    'mine',
    '--event',
    '{"user": 1, "amount": 1e400}',
    '--claims',
    '{"sub": "1"}',
  );
  expect(code).toBe(1);
  expect(text).toContain('event.amount → Infinity');
});

test('whole numbers count to the last digit', () => {
  const question = ['--field', 'shop', '--claims', '{"scope":"admin"}'];
  const asked = (event: string) => explained(...question, '--args', '{"id":9007199254740993}', '--event', event);
  expect(asked('{"shop":"9007199254740992"}').first).toBe('deny: the rule is false');
  const { code, text } = asked('{"shop":9007199254740993}');
  expect(code).toBe(0);
  expect(text).toContain('event.shop → 9007199254740993');
});
