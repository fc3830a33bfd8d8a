import { describe, expect, test } from 'vitest';
import { refuse } from '../../src/graphql/operation/access.js';
import { claimAt, scopesIn, usualScopeClaims } from '../../src/schema/claims.js';
import { compileSchema } from '../../src/schema/compile.js';

const url = 'https://example.com/roles';

describe('scopes', () => {
  test.each([
    [usualScopeClaims, { scope: 'a b', scp: ['c'] }, ['a', 'b', 'c']],
    [['realm_access.roles'], { realm_access: { roles: ['a', 7, ''] }, scope: 'b' }, ['a']],
    [[url], { [url]: 'a b' }, ['a', 'b']],
    [['roles'], { scope: 'a' }, []],
    [['roles'], { roles: { a: true } }, []],
    [["['realm.access'].roles"], { 'realm.access': { roles: ['a'] } }, ['a']],
    [['orgs[1].roles'], { orgs: [{ roles: 'x' }, { roles: 'a b' }] }, ['a', 'b']],
    [['orgs[0]'], { 'orgs[0]': 'a', orgs: ['b'] }, ['a']],
    [["['roles"], { roles: 'a' }, []],
    [['toString', 'constructor.name'], {}, []],
  ])('named by %j, of %j', (names, claims, scopes) => {
    expect([...scopesIn(claims, names)]).toEqual(scopes);
  });

  test('a claim that is named like a URL is that claim, and no path', () => {
    expect(claimAt({ [url]: 1, 'https://example': { 'com/roles': 2 } }, url)).toBe(1);
  });

  test('are looked for in the claims that were named', () => {
    const sdl = `
      type Subscription { all: Note! @kafka(topic: "notes") @requiresScopes(scopes: [["read"]]) }
      type Note { id: ID }`;
    const retention = { retain: 1_000, max: 1 };
    const { schema } = compileSchema(sdl, { retention, scopeClaims: ['org.roles'] });
    if (!schema) throw new Error('the schema does not compile');
    const field = { coordinate: 'Subscription.all', types: [], path: 'all', root: true };
    const codeOf = (claims: object) =>
      refuse(schema, [field], { signedIn: true, claims: { ...claims }, expiresAt: null })?.code ?? 'allowed';
    expect([codeOf({ org: { roles: ['read'] } }), codeOf({ scope: 'read' })]).toEqual(['allowed', 'FORBIDDEN']);
  });
});
