import { expect, test } from 'vitest';
import { argsWith, fieldWith } from '../given.js';

interface Row {
  readonly rule: string;
  readonly args?: Record<string, unknown>;
  readonly claims?: Record<string, unknown>;
  readonly lacks: readonly string[] | null;
}

const rows: readonly Row[] = [
  { rule: 'event.id == claims.sub', claims: { sub: 'ada' }, lacks: null },
  { rule: 'event.id == claims.sub', lacks: ['claims.sub'] },
  { rule: 'event.id == claims.sub', claims: { sub: null }, lacks: ['claims.sub'] },
  { rule: 'event.n == claims.level', claims: { level: 'high' }, lacks: ['claims.level'] },
  { rule: 'claims.sub != event.id', lacks: ['claims.sub'] },
  { rule: 'event.n >= claims.level', lacks: ['claims.level'] },
  { rule: 'event.n >= claims.level', claims: { level: 3 }, lacks: null },
  { rule: 'event.n < claims.levels.at.most', claims: { levels: {} }, lacks: ['claims.levels.at.most'] },
  { rule: 'event.id == claims["https://x/y"].id', lacks: ['claims["https://x/y"].id'] },
  { rule: 'event.id == args.id', lacks: ['args.id'] },
  { rule: 'args.id == null || event.id == args.id', lacks: null },
  { rule: 'args.id != null && event.id == args.id', lacks: ['args.id'] },
  { rule: 'event.id == args.id && event.other == claims.sub', lacks: ['args.id', 'claims.sub'] },
  { rule: 'event.id == args.id && event.other == claims.sub', args: { id: '1' }, lacks: ['claims.sub'] },
  { rule: 'event.id == claims.a || event.other == claims.b', lacks: ['claims.a', 'claims.b'] },
  { rule: 'event.id == claims.a || event.other == claims.b', claims: { b: 'x' }, lacks: null },
  { rule: 'event.id in claims.ids', lacks: ['claims.ids'] },
  { rule: 'event.id in claims.ids', claims: { ids: 'ada' }, lacks: ['claims.ids'] },
  { rule: 'event.id in claims.ids', claims: { ids: [] }, lacks: ['claims.ids'] },
  { rule: 'event.n in claims.ids', claims: { ids: ['x', null] }, lacks: ['claims.ids'] },
  { rule: 'event.n in claims.ids', claims: { ids: ['x', '7'] }, lacks: null },
  { rule: 'claims.sub in event.tags', lacks: ['claims.sub'] },
  { rule: '!(event.id in claims.blocked)', lacks: ['claims.blocked'] },
  { rule: '!(event.id in claims.blocked)', claims: { blocked: [] }, lacks: null },
  { rule: '!(event.id in claims.blocked)', claims: { blocked: [{}] }, lacks: ['claims.blocked'] },
  { rule: '(event.id in claims.ids) == true', claims: { ids: ['ada'] }, lacks: null },
  { rule: '!(event.id == claims.sub)', lacks: ['claims.sub'] },
  {
    rule: '!(claims.admin == true) && event.id == claims.sub',
    claims: { admin: true, sub: 'a' },
    lacks: ['claims.admin'],
  },
  { rule: '"auditor" in claims.roles && event.b == true', claims: { roles: ['clerk'] }, lacks: ['claims.roles'] },
  { rule: '"auditor" in claims.roles || event.b == true', lacks: null },
  { rule: 'claims.admin', lacks: ['claims.admin'] },
  { rule: 'claims.admin == true ? event.b == true : event.id == claims.sub', lacks: ['claims.admin'] },
  {
    rule: 'args.b == true ? event.b == true : event.id == claims.sub',
    args: { b: false },
    lacks: ['args.b', 'claims.sub'],
  },
  { rule: 'args.b == true ? event.b == true : event.id == claims.sub', args: { b: true }, lacks: null },
  { rule: 'event.b == true ? event.id == claims.sub : event.id == args.id', lacks: ['claims.sub', 'args.id'] },
  { rule: 'event.s.startsWith(claims.prefix)', lacks: ['claims.prefix'] },
  { rule: 'event.s.startsWith(claims.prefix)', claims: { prefix: '' }, lacks: null },
  { rule: 'event.f * claims.factor > 10.0', lacks: ['claims.factor'] },
  { rule: 'size(event.tags) > int(claims.most)', lacks: ['claims.most'] },
  { rule: 'claims.teams.exists(t, t == event.id)', lacks: ['claims.teams'] },
  { rule: 'claims.teams.exists(t, t == event.id)', claims: { teams: [] }, lacks: ['claims.teams'] },
  { rule: 'claims.teams.exists(t, t == event.id)', claims: { teams: ['x'] }, lacks: null },
  { rule: 'claims.teams.all(t, t != event.id)', claims: { teams: [] }, lacks: null },
  { rule: 'event.tags.exists(t, t == claims.tag)', lacks: null },
  { rule: 'has(claims.sub) && event.b == true', lacks: ['claims.sub'] },
  { rule: 'event.id == null', lacks: null },
  { rule: 'claims.sub == null && event.b == true', lacks: null },
  { rule: 'record.key == claims.sub', lacks: ['claims.sub'] },
  { rule: 'event.b == true && false', lacks: [] },
  { rule: 'true', lacks: null },
];

test.each(rows)(
  'to a viewer with $claims and $args, `$rule` can show something unless it lacks $lacks',
  ({ rule, args = {}, claims = {}, lacks }) => {
    expect(fieldWith(rule).lacks(argsWith(args), claims)).toEqual(lacks);
  },
);

test('a field without a rule lacks nothing', () => {
  expect(fieldWith(null).lacks({}, {})).toBeNull();
});
