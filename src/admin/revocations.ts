import { Fault } from '../event/faults.js';
import type { Gateway } from '../serve/gateway.js';
import type { Revocation } from '../serve/identity/revocation.js';
import type { Subject } from './graphql.js';

const sdl = `
  type Query {
    "What is revoked now."
    revocations: [Revocation!]!
  }
  type Mutation {
    """
    Ends every subscription of tokens that have all of these claims, on every gateway within a second, and refuses such
    tokens unless they were issued later.
    """
    revoke(sub: String, jti: String, claims: [ClaimInput!]): Revocation!
  }
  type Revocation {
    claims: [Claim!]!
    "Tokens issued at or before this moment, or within the leeway after it, do not count."
    at: String!
  }
  type Claim { name: String! value: String! }
  "A claim by its name or dotted path; a list has every value in it."
  input ClaimInput { name: String! value: String! }`;

interface Revoking {
  readonly sub?: string | null;
  readonly jti?: string | null;
  readonly claims?: readonly { readonly name: string; readonly value: string }[] | null;
}

/** Revocations: whose tokens count no more, and the end of more of them. */
export const revocationSubject = ({ revoke, revocations }: Pick<Gateway, 'revoke' | 'revocations'>): Subject => ({
  sdl,
  resolvers: {
    Query: { revocations: () => revocations().map(shown) },
    Mutation: { revoke: async (_: unknown, named: Revoking) => shown(await revoke(claimsOf(named))) },
  },
});

/** All claims that are named. Throws Fault BAD_USER_INPUT for one that is named twice. */
function claimsOf({ sub, jti, claims }: Revoking): Revocation['claims'] {
  const named = [...(claims ?? []), ...given('sub', sub), ...given('jti', jti)];
  const all = Object.fromEntries(named.map(({ name, value }) => [name, value]));
  if (Object.keys(all).length < named.length)
    throw new Fault('BAD_USER_INPUT', { why: 'a claim is named twice, and cannot have two values' });
  return all;
}

const given = (name: string, value: string | null | undefined) =>
  value === null || value === undefined ? [] : [{ name, value }];

const shown = ({ claims, at }: Revocation) => ({
  claims: Object.entries(claims).map(([name, value]) => ({ name, value })),
  at: new Date(at * 1000).toISOString(),
});
