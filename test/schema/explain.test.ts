import { describe, expect, test } from 'vitest';
import { explain, type Part } from '../../src/schema/explain.js';
import { argsWith, compiled, fieldWith, record, schemaWith } from './given.js';

function explained(
  rule: string | null,
  given: { event?: unknown; args?: Record<string, unknown>; claims?: Record<string, unknown> | null },
  access = '',
) {
  const schema = compiled(schemaWith(rule, access));
  const field = schema.fields.get('event') ?? fieldWith(rule);
  const { event = {}, args = {}, claims = {} } = given;
  return explain(schema, field, { event, args: argsWith(args), claims, record });
}

const flat = (part: Part | null): readonly string[] =>
  part === null
    ? []
    : [`${part.text}: ${part.error === null ? JSON.stringify(part.value) : 'error'}`, ...part.parts.flatMap(flat)];

describe('an explanation', () => {
  test('shows what became of each part of the rule', () => {
    const { rule } = explained('event.id == claims.sub && size(event.tags) > 1', {
      event: { id: 1, tags: ['a'] },
      claims: { sub: '1' },
    });
    expect(flat(rule)).toEqual([
      'event.id == claims.sub && size(event.tags) > 1: false',
      'event.id == claims.sub: true',
      'event.id: 1',
      'claims.sub: "1"',
      'size(event.tags) > 1: false',
      'size(event.tags): 1',
      'event.tags: ["a"]',
    ]);
  });

  test('shows where an error came from', () => {
    const { rule, verdict } = explained('event.b == true || event.id == claims.sub', { event: { id: 1, b: false } });
    expect(verdict.error).toContain('event.id == claims.sub');
    expect(flat(rule)).toContain('event.id == claims.sub: error');
    expect(flat(rule)).toContain('claims.sub: undefined');
  });

  test.each([
    ['event.n / event.f > 1', { n: 1, f: 0 }, 'event.n / event.f: division by zero'],
    ['!(event.n % args.n == 1)', { n: 7 }, 'event.n % args.n: division by zero'],
    ['event.n / args.n in [1, 2]', { n: 7 }, 'event.n / args.n: division by zero'],
    ['[1, 2] == [event.n / args.n]', { n: 7 }, 'event.n / args.n: division by zero'],
    ['1 + 7 / args.n == event.n', { n: 7 }, '7 / args.n: division by zero'],
    ['!(event.f > 1.0)', {}, 'event.f > 1.0: a side is null, missing, or of another type'],
    ['!(event.n - event.f == 1)', { n: 7 }, 'event.n - event.f: a side is null, missing or of another type'],
  ])('of %s for %j says what went wrong where it began', (rule, event, reason) => {
    const { verdict, delivered } = explained(rule, { event, args: { n: 0 } }, '@public');
    expect(delivered).toBe(false);
    expect(verdict.error).toContain(reason);
  });

  test('does not look into a macro, whose variable has no value of its own', () => {
    const { rule } = explained('event.tags.exists(t, t == claims.tag)', {
      event: { tags: ['a'] },
      claims: { tag: 'a' },
    });
    expect(flat(rule)).toEqual(['event.tags.exists(t, t == claims.tag): true', 'event.tags: ["a"]']);
  });

  test('says where the event goes and where the viewer listens', () => {
    const { goesTo, listensTo, delivered } = explained('event.id == claims.sub', {
      event: { id: 1 },
      claims: { sub: '1' },
    });
    expect(goesTo.map(({ channel }) => channel)).toEqual(listensTo);
    expect(delivered).toBe(true);
    expect(explained('event.id == claims.sub', { event: {}, claims: { sub: '1' } }).goesTo).toEqual([
      { expression: 'event.id', channel: null },
    ]);
  });

  test('refuses a viewer without a token where nothing is public, whatever the rule says', () => {
    const rule = 'event.id == "1" || claims.admin == true';
    expect(explained(rule, { event: { id: '1' }, claims: null }).refused).toEqual({
      by: 'Subscription.event',
      code: 'UNAUTHENTICATED',
      scopes: [],
    });
    expect(explained(rule, { event: { id: '1' }, claims: null }).delivered).toBe(false);
    expect(explained(rule, { event: { id: '1' }, claims: null }, '@public').delivered).toBe(true);
  });

  test('refuses a viewer without the scopes, read from scope, scopes or scp', () => {
    const code = (claims: Record<string, unknown>) =>
      explained(null, { claims }, '@requiresScopes(scopes: [["a", "b"], ["c"]])').refused?.code;
    for (const claims of [{ scope: 'b a' }, { scopes: ['a', 'b'] }, { scp: ['c'] }, { scope: 'a', scp: 'b' }])
      expect(code(claims)).toBeUndefined();
    for (const claims of [{}, { scope: 'a' }, { scopes: ['ab'] }, { scope: 'a,b' }, { scp: [['c']] }])
      expect(code(claims)).toBe('FORBIDDEN');
  });
});
