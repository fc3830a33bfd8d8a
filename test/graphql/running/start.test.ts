import { parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import { cursorCodec } from '../../../src/event/cursor.js';
import { operationOf } from '../../../src/graphql/operation/operation.js';
import { type StartRequest, startOf } from '../../../src/graphql/running/start.js';
import { compileSchema } from '../../../src/schema/compile.js';

const { schema } = compileSchema('type Subscription { a: A @kafka(topic: "t") @public } type A { b: Int }', {
  retention: { retain: 1_000, max: 10 },
});
const cursors = cursorCodec(['secret']);
const cursorAt = (number: number, field = 'a') =>
  cursors.encode(field, {
    positions: [{ epoch: '', number, time: 5 }],
    offsets: [],
    routes: 'oldr',
    late: null,
  });

function started(text: string, variables: Record<string, unknown> = {}, request: StartRequest = {}) {
  const operation = operationOf(parse(text), null);
  if (!schema) throw new Error('the schema has a fault');
  const { start, onGap } = startOf(schema.graphql, operation, variables, request, 'a', cursors, 100);
  if (start.kind === 'after') return ['after', start.place.positions[0]?.number, onGap];
  return start.kind === 'rewind' ? ['rewind', start.count, onGap] : ['now', onGap];
}

const resume = 'subscription ($after: String) @resume(after: $after, rewind: 3) { a { b } }';

describe('where a subscription begins', () => {
  test.each<[string, () => unknown, unknown[]]>([
    ['now, without a word', () => started('subscription { a { b } }'), ['now', 'CONTINUE']],
    ['after the cursor of the directive', () => started(resume, { after: cursorAt(1) }), ['after', 1, 'FAIL']],
    [
      'after the extension’s, which beats it',
      () => started(resume, { after: cursorAt(1) }, { extensions: { after: cursorAt(2) } }),
      ['after', 2, 'FAIL'],
    ],
    [
      'after Last-Event-ID, which beats both',
      () => started(resume, { after: cursorAt(1) }, { extensions: { after: cursorAt(2) }, lastEventId: cursorAt(3) }),
      ['after', 3, 'CONTINUE'],
    ],
    ['with the last three, without a cursor', () => started(resume, { after: null }), ['rewind', 3, 'CONTINUE']],
    [
      'now, with a rewind of nothing',
      () => started('subscription @resume(rewind: 0) { a { b } }'),
      ['now', 'CONTINUE'],
    ],
    ['as onGap says', () => started('subscription @resume(rewind: 1, onGap: FAIL) { a { b } }'), ['rewind', 1, 'FAIL']],
    [
      'as the extension’s onGap says, which beats it',
      () => started('subscription @resume(onGap: FAIL) { a { b } }', {}, { extensions: { onGap: 'CONTINUE' } }),
      ['now', 'CONTINUE'],
    ],
    [
      'as onGap says, with Last-Event-ID too',
      () => started(resume, {}, { extensions: { onGap: 'FAIL' }, lastEventId: cursorAt(3) }),
      ['after', 3, 'FAIL'],
    ],
  ])('%s', (_, run, expected) => expect(run()).toEqual(expected));

  test.each<[string, () => unknown, string]>([
    ['a cursor that is none', () => started(resume, { after: 'abc' }), 'CURSOR_INVALID'],
    ['an empty cursor', () => started(resume, { after: '' }), 'CURSOR_INVALID'],
    ['a cursor of another field', () => started(resume, { after: cursorAt(1, 'b') }), 'CURSOR_INVALID'],
    ['a cursor that is no text', () => started(resume, {}, { extensions: { after: 7 } }), 'CURSOR_INVALID'],
    ['a made-up Last-Event-ID', () => started(resume, {}, { lastEventId: 'x' }), 'CURSOR_INVALID'],
    ['a rewind below nothing', () => started('subscription @resume(rewind: -1) { a { b } }'), 'BAD_USER_INPUT'],
    ['a rewind too far', () => started('subscription @resume(rewind: 101) { a { b } }'), 'LIMIT_EXCEEDED'],
    ['an onGap that is none', () => started(resume, {}, { extensions: { onGap: 'MAYBE' } }), 'BAD_USER_INPUT'],
  ])('%s is refused', (_, run, code) => expect(run).toThrow(expect.objectContaining({ code })));
});
