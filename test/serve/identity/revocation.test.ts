import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Revocation, RevocationList } from '../../../src/serve/identity/revocation.js';

function listOf(...revocations: Revocation[]): RevocationList {
  const list = new RevocationList();
  for (const revocation of revocations) list.add(revocation);
  return list;
}

describe('a token is revoked', () => {
  test.each<[string, Revocation['claims'], object, boolean]>([
    ['by its sub', { sub: 'ada' }, { sub: 'ada' }, true],
    ['but not another’s', { sub: 'ada' }, { sub: 'grace' }, false],
    ['by its number', { jti: '7' }, { sub: 'ada', jti: '7' }, true],
    ['by a claim', { tenant: 'acme' }, { sub: 'ada', tenant: 'acme' }, true],
    ['by a number as text', { level: '3' }, { level: 3 }, true],
    ['by one of a list', { roles: 'admin' }, { roles: ['user', 'admin'] }, true],
    ['not by part of a text', { roles: 'admin' }, { roles: 'user admin' }, false],
    ['by a claim inside a claim', { 'org.id': '7' }, { org: { id: 7 } }, true],
    ['by a claim in an element of a list', { 'orgs[1].id': '7' }, { orgs: [{ id: 6 }, { id: 7 }] }, true],
    ['by a claim under a key that holds dots', { "['org.id'].n": '7' }, { 'org.id': { n: 7 } }, true],
    ['by a claim whose name is a URL', { 'https://a.example/role': 'x' }, { 'https://a.example/role': 'x' }, true],
    ['by all claims together', { sub: 'ada', iss: 'a' }, { sub: 'ada', iss: 'a' }, true],
    ['not by some of them', { sub: 'ada', iss: 'a' }, { sub: 'ada', iss: 'b' }, false],
    ['not by a claim it does not have', { tenant: 'undefined' }, { sub: 'ada' }, false],
    ['not by what every object has', { constructor: 'x' }, { sub: 'ada' }, false],
    ['not by a null', { sub: 'null' }, { sub: null }, false],
    ['by one of several subs', { sub: 'ada' }, { sub: ['ada', 'grace'] }, true],
    ['by one of several numbers', { jti: '7' }, { jti: [6, 7] }, true],
    ['not by an object that cannot be a text', { sub: 'ada' }, { sub: { toString: 1, valueOf: 1 } }, false],
  ])('%s', (_, named, claims, expected) => {
    expect(listOf({ claims: named, at: 1_000 }).has({ iat: 999, ...claims })).toBe(expected);
  });

  test.each<[number | string | undefined, boolean]>([
    [999, true],
    [1_000, true],
    [1_000.9, true],
    [1_001, false],
    [undefined, true],
    ['2000', true],
    [Number.NaN, true],
    [Number.POSITIVE_INFINITY, true],
  ])('when it was issued at %s, and revoked at 1000: %s', (iat, expected) => {
    expect(listOf({ claims: { sub: 'ada' }, at: 1_000 }).has({ sub: 'ada', iat })).toBe(expected);
  });

  test.each<[number | bigint | undefined, number, boolean]>([
    [1_005, 5_000, true],
    [1_006, 5_000, false],
    [1_000, 0, true],
    [1_001, 0, false],
    [1_005.9, 5_000, true],
    // Let in half a second before it was issued, at the end of the revocation's second.
    [1_001, 500, true],
    [1_002, 500, false],
    [1_005n, 5_000, true],
    [1_006n, 5_000, false],
    [undefined, 5_000, true],
  ])('when it was issued at %s, revoked at 1000, and clocks may differ by %s ms: %s', (iat, leeway, expected) => {
    expect(listOf({ claims: { sub: 'ada' }, at: 1_000 }).has({ sub: 'ada', iat }, leeway)).toBe(expected);
  });

  test('by the later of two revocations, in whatever order they came', () => {
    for (const times of [
      [1, 9],
      [9, 1],
    ]) {
      const list = listOf(...times.map((at) => ({ claims: { sub: 'ada' }, at })));
      expect([list.has({ sub: 'ada', iat: 9 }), list.has({ sub: 'ada', iat: 10 }), [...list].length]).toEqual([
        true,
        false,
        1,
      ]);
    }
  });

  test('until it is forgotten', () => {
    const list = listOf({ claims: { sub: 'ada' }, at: 10 }, { claims: { sub: 'grace' }, at: 20 });
    list.forgetBefore(20);
    expect([list.has({ sub: 'ada' }), list.has({ sub: 'grace' })]).toEqual([false, true]);
  });
});

test('what is found fast is what looking through all of them finds', () => {
  const text = fc.constantFrom('a', 'b', 'c');
  const claims = fc.record({ sub: text, jti: text, role: text, iat: fc.nat({ max: 20 }) }, { requiredKeys: [] });
  const named = fc
    .record({ sub: text, jti: text, role: text }, { requiredKeys: [] })
    .filter((each) => Object.keys(each).length > 0);
  const revocation = fc.record({ claims: named, at: fc.nat({ max: 20 }) });
  let hits = 0;
  fc.assert(
    fc.property(fc.array(revocation), fc.array(claims), fc.nat({ max: 20 }), (revocations, tokens, before) => {
      const list = listOf(...(revocations as Revocation[]));
      list.forgetBefore(before);
      for (const token of tokens) {
        const expected = revocations.some(
          ({ claims: each, at }) =>
            at >= before &&
            (token.iat ?? -1) <= at &&
            Object.entries(each).every(([name, value]) => (token as Record<string, unknown>)[name] === value),
        );
        if (expected) hits++;
        expect(list.has(token)).toBe(expected);
      }
    }),
    { numRuns: 1_000 },
  );
  expect(hits).toBeGreaterThan(50);
});

test('a thousand sessions that were ended make no sign-in slower: each claim is looked at once', () => {
  const sessions = Array.from({ length: 1_000 }, (_, n) => ({ claims: { sid: `s${n}` }, at: 1_000 }));
  const list = listOf(...sessions);
  let looks = 0;
  const claims = {
    iat: 1,
    get sid() {
      looks++;
      return 'another';
    },
  };
  expect(list.has(claims)).toBe(false);
  expect(looks).toBe(1);
  expect(list.has({ iat: 1, sid: 's999' })).toBe(true);
});
