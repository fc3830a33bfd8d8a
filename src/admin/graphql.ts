import { addResolversToSchema } from '@graphql-tools/schema';
import { buildSchema, GraphQLError, type GraphQLSchema, graphql, parse } from 'graphql';
import { Fault } from '../event/faults.js';
import { operationOf } from '../graphql/operation/operation.js';
import { askedOf } from '../graphql/operation/root-fields.js';
import type { Asked } from '../observe/audit.js';
import { jsonObject } from '../serve/answer.js';
import type { Gateway } from '../serve/gateway.js';
import { givenOf } from '../serve/http/parameters.js';
import type { Revocation } from '../serve/identity/revocation.js';

/** Answers the JSON text of one request. Throws Fault when that is none. */
export type AdminGraphQL = (body: string) => Promise<{
  readonly status: number;
  readonly text: string;
  /** Null when it was no operation. */
  readonly asked: Asked | null;
}>;

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

/** What operators may ask of a running gateway, on its admin port. */
export function adminGraphQL({ revoke, revocations }: Pick<Gateway, 'revoke' | 'revocations'>): AdminGraphQL {
  const schema = addResolversToSchema({
    schema: buildSchema(sdl),
    resolvers: {
      Query: { revocations: () => revocations().map(shown) },
      Mutation: {
        async revoke(_: unknown, { sub, jti, claims }: Revoking) {
          const named = [...(claims ?? []), ...given('sub', sub), ...given('jti', jti)];
          const all = Object.fromEntries(named.map(({ name, value }) => [name, value]));
          if (Object.keys(all).length < named.length) {
            throw new Fault('BAD_USER_INPUT', { why: 'a claim is named twice, and cannot have two values' });
          }
          return shown(await revoke(all));
        },
      },
    },
  });
  return async (body) => {
    const { query, variables, operationName } = givenOf(jsonObject(body, 'the body'));
    if (typeof query !== 'string') throw new Fault('BAD_USER_INPUT', { why: 'query must be the text of an operation' });
    // graphql-js would throw for these, and not answer.
    if (typeof (variables ?? {}) !== 'object')
      throw new Fault('BAD_USER_INPUT', { why: 'variables must be an object' });
    const named = {
      variableValues: variables as Record<string, unknown> | undefined,
      operationName: operationName as string | undefined,
    };
    const result = await graphql({ schema, source: query, ...named });
    const errors = result.errors?.map(told);
    const status = result.data === undefined ? 400 : 200;
    return {
      status,
      asked: askedIn(schema, query, named),
      text: JSON.stringify({ ...(errors ? { errors } : {}), data: result.data }),
    };
  };
}

interface Meant {
  readonly variableValues: Record<string, unknown> | undefined;
  readonly operationName: string | undefined;
}

function askedIn(schema: GraphQLSchema, query: string, { variableValues, operationName }: Meant): Asked | null {
  try {
    const document = parse(query);
    const operation = operationOf(document, operationName);
    return operation instanceof GraphQLError ? null : askedOf(schema, operation, document, variableValues);
  } catch {
    return null;
  }
}

const given = (name: string, value: string | null | undefined) =>
  value === null || value === undefined ? [] : [{ name, value }];

const shown = ({ claims, at }: Revocation) => ({
  claims: Object.entries(claims).map(([name, value]) => ({ name, value })),
  at: new Date(at * 1000).toISOString(),
});

/** What nests too deep for the parser is an error of no kind that GraphQL knows. */
function told(error: Error) {
  const known = error instanceof GraphQLError ? error : new GraphQLError(error.message);
  const { originalError: cause } = known;
  return { ...known.toJSON(), ...(cause instanceof Fault ? { extensions: cause.extensions } : {}) };
}
