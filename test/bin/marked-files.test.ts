import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { afterAll, describe, expect, test } from 'vitest';
import { check } from '../../src/bin/check.js';
import { explain } from '../../src/bin/explain.js';
import { loadOperations, loadSchema } from '../../src/bin/settings/load.js';
import { testRules } from '../../src/bin/test-rules.js';
import { manifestOf } from '../../src/graphql/operation/persisted.js';
import { pairOf, whyNoPair } from '../../src/serve/port/tls-pair.js';
import { certificateAuthority } from '../support/servers/certificates.js';

const folder = mkdtempSync(join(tmpdir(), 'tailrace-marked-'));
const authority = certificateAuthority();
afterAll(() => {
  rmSync(folder, { recursive: true });
  authority[Symbol.dispose]();
});

/** As an editor of Windows writes it: a mark first (BOM), and two characters at the end of a line. */
function marked(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, `\uFEFF${text.replaceAll('\n', '\r\n')}`);
  return file;
}

const schema = marked('schema.graphql', readFileSync('schema.graphql', 'utf8'));
const history = { historyRetain: 600_000, historyMax: 1_000 };

function printed() {
  const lines: string[] = [];
  return { lines, print: (line: string) => void lines.push(line) };
}

describe('a file that begins with the mark of its encoding is read', () => {
  test.each([
    '{"abc": "{ version }"}',
    '{"format":"apollo-persisted-query-manifest","version":1,"operations":[{"id":"abc","body":"{ version }"}]}',
  ])('as a manifest of persisted operations: %s', (json) => {
    expect(loadOperations(true, marked('manifest.json', json)).persisted.get('abc')).toBe('{ version }');
    // From a program that has read it by itself.
    expect(manifestOf(`\uFEFF${json}`).get('abc')).toBe('{ version }');
  });

  test('as the schema, and places in it are right', () => {
    expect(loadSchema(schema, history).schema.fields.has('transaction')).toBe(true);
    expect(check([schema], {}, () => undefined)).toBe(0);
    const wrong = marked('wrong.graphql', 'type Subscription { a: B @kafka(topic: "t") @public } type B { id: C }');
    const { lines, print } = printed();
    expect(check([wrong], {}, print)).toBe(1);
    expect(lines[0]).toMatch(/wrong\.graphql:1:6\d /);
    expect(() => loadSchema(wrong, history)).toThrow(lines[0]);
  });

  test('as a table of rules, and places in it are right', async () => {
    const { lines, print } = printed();
    const run = (file: string) => testRules([file], { TAILRACE_SCHEMA: schema }, { out: print, err: print });
    expect(await run(marked('rules.yaml', readFileSync('rules.yaml', 'utf8')))).toBe(0);
    expect(await run(marked('bad.yaml', 'nowhere: []\n'))).toBe(2);
    expect(lines.join('\n')).toContain('bad.yaml:1');
  });

  test('as event, arguments and claims of explain', () => {
    const { lines, print } = printed();
    const words = [
      ['--field', 'transaction'],
      ['--event', `@${marked('event.json', '{"userId": "ada",\n"amount": 12.5}')}`],
      ['--args', `@${marked('args.json', '{"minAmount": 1}')}`],
      ['--claims', `@${marked('claims.json', '{"sub": "ada"}')}`],
    ].flat();
    expect(explain(words, { TAILRACE_SCHEMA: schema }, print)).toBe(0);
    expect(lines[0]).toBe('allow: the rule is true');
  });

  test('as a certificate and its key', () => {
    const { cert, key } = authority.issue('gateway');
    const pair = pairOf({ cert: { file: marked('tls.crt', cert) }, key: { file: marked('tls.key', key) } });
    expect(whyNoPair(pair)).toBeNull();
    expect(() => createSecureContext(pair)).not.toThrow();
  });
});
