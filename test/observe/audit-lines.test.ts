import { describe, expect, test } from 'vitest';
import type { AuditEntry, Peer } from '../../src/observe/audit.js';
import { type ArgumentsTold, auditLines } from '../../src/observe/audit-lines.js';

const peer: Peer = { transport: 'sse', address: '192.0.2.7', stream: 'a-stream' };
const claims = { sub: 'ada', iss: 'https://id.example', email: 'ada@example.com', scope: 'read' };

/** The one line an entry makes, read as JSON. */
function lineOf(entry: AuditEntry, told: ArgumentsTold = 'names') {
  const lines: string[] = [];
  auditLines({ arguments: told }, { write: (line: string) => void lines.push(line) })(entry);
  const text = lines.join('');
  expect(text.match(/\n/g)).toHaveLength(1);
  return { text, line: JSON.parse(text) };
}

const subscribed = (args: Record<string, unknown>): AuditEntry => {
  return { event: 'subscribed', claims, peer, field: 'transaction', args };
};

describe('a line of the audit log', () => {
  test('says when, who by `sub` and `iss`, from where, and what', () => {
    const { line } = lineOf(subscribed({ minAmount: 5, card: null }));
    expect(line).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      pid: process.pid,
      name: 'audit',
      event: 'subscribed',
      sub: 'ada',
      iss: 'https://id.example',
      address: '192.0.2.7',
      transport: 'sse',
      stream: 'a-stream',
      field: 'transaction',
      arguments: ['minAmount'],
    });
  });

  test('has the values of arguments, their names or nothing of them; what is named as a secret has no value', () => {
    const args = { card: '4111', token: 'abc', filter: { password: 'p', city: 'Ghent' }, none: null };
    expect(lineOf(subscribed(args), 'on').line.arguments).toEqual({
      card: '4111',
      token: '[secret]',
      filter: { password: '[secret]', city: 'Ghent' },
    });
    expect(lineOf(subscribed(args)).line.arguments).toEqual(['card', 'token', 'filter']);
    expect(lineOf(subscribed(args), 'off').line).not.toHaveProperty('arguments');
    for (const told of ['names', 'off'] as const) expect(lineOf(subscribed(args), told).text).not.toMatch(/4111|abc/);
  });

  test('stays one line of bounded length, whatever clients choose as values, ids and claims', () => {
    const long = '\n\u2028{"event":"x"}'.repeat(5_000);
    const { text, line } = lineOf(
      {
        event: 'subscribed',
        claims: { sub: long, iss: { a: long } },
        peer: { ...peer, transport: 'websocket', operation: long },
        field: 'transaction',
        args: { card: long },
      },
      'on',
    );
    expect(text.length).toBeLessThan(2_000);
    expect(line).toMatchObject({ event: 'subscribed', sub: long.slice(0, 200), arguments: ['card'], cut: true });
    expect(line).not.toHaveProperty('iss');
  });

  test('names a refusal by its code and the fields it is about; a renewal says whether it was done', () => {
    const by = { claims, peer };
    const refused = lineOf({ event: 'refused', claims: null, peer, code: 'FORBIDDEN', paths: ['a.b'] }).line;
    expect(refused).toMatchObject({ event: 'refused', code: 'FORBIDDEN', paths: ['a.b'], address: '192.0.2.7' });
    const paths = Array.from({ length: 1_000 }, () => 'a'.repeat(1_000));
    expect(lineOf({ event: 'refused', claims: null, peer, code: 'FORBIDDEN', paths }).line).toMatchObject({
      paths: Array.from({ length: 20 }, () => 'a'.repeat(200)),
    });
    expect(refused).not.toHaveProperty('sub');
    expect(lineOf({ event: 'renewed', ...by, code: null }).line).toMatchObject({ sub: 'ada', ok: true });
    expect(lineOf({ event: 'renewed', ...by, code: 'FORBIDDEN' }).line).toMatchObject({ ok: false, code: 'FORBIDDEN' });
  });

  test('tells what a query or a mutation asked for as it tells of a subscription, whether executed or refused', () => {
    const asked = { kind: 'mutation', fields: [{ field: 'pay', args: { amount: 5, note: null } }] } as const;
    const by = { claims, peer: { ...peer, transport: 'http' } } as const;
    const executed = (told: ArgumentsTold) => lineOf({ event: 'executed', ...by, asked, code: null }, told).line;
    expect(executed('names')).toMatchObject({
      event: 'executed',
      sub: 'ada',
      transport: 'http',
      kind: 'mutation',
      fields: [{ field: 'pay', arguments: ['amount'] }],
    });
    expect(executed('names')).not.toHaveProperty('code');
    expect(executed('on').fields).toEqual([{ field: 'pay', arguments: { amount: 5 } }]);
    expect(executed('off').fields).toEqual([{ field: 'pay' }]);
    const refused = lineOf({ event: 'refused', ...by, asked, code: 'FORBIDDEN' }).line;
    expect(refused).toMatchObject({ kind: 'mutation', fields: [{ field: 'pay', arguments: ['amount'] }] });
  });

  test('hides what is named as a secret at any depth, and is written whatever a scalar was parsed into', () => {
    const deep = { card: { owner: { Password: 'p', city: 'Ghent' } }, many: [{ token: 'abc' }] };
    expect(lineOf(subscribed(deep), 'on').line.arguments).toEqual({
      card: { owner: { Password: '[secret]', city: 'Ghent' } },
      many: [{ token: '[secret]' }],
    });
    expect(lineOf(subscribed({ big: 2n ** 64n }), 'on').line.arguments).toEqual({ big: '18446744073709551616' });
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    expect(lineOf(subscribed({ circular }), 'on').line.arguments).toBe('[not JSON]');
  });
});
