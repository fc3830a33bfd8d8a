import { makeExecutableSchema } from '@graphql-tools/schema';
import { GraphQLError, type GraphQLSchema, graphql, parse } from 'graphql';
import { Fault } from '../event/faults.js';
import { operationOf } from '../graphql/operation/operation.js';
import { askedOf } from '../graphql/operation/root-fields.js';
import type { Asked } from '../observe/audit.js';
import { jsonObject } from '../serve/answer.js';
import { givenOf } from '../serve/parameters.js';

/**
 * What operators may ask about one thing, a module each: its types, its fields of Query and Mutation (each subject writes
 * `type Query { … }`, and they are made into one), and what answers them. A Fault that a resolver throws is told by its code.
 */
export interface Subject {
  readonly sdl: string;
  readonly resolvers: Readonly<Record<string, Readonly<Record<string, AdminResolver>>>>;
}

// A resolver names the arguments that its own SDL gives it, which no type here can know.
type AdminResolver = (source: never, args: never) => unknown;

/** Answers the JSON text of one request. Throws Fault when that is none. */
export type AdminGraphQL = (body: string) => Promise<{
  readonly status: number;
  readonly text: string;
  /** Null when it was no operation. */
  readonly asked: Asked | null;
}>;

/**
 * What operators may ask of a running process, on its admin port: all subjects in one schema, of which one at least must have a
 * Query. Throws an Error when two subjects declare one field or type differently.
 */
export function adminGraphQL(subjects: readonly Subject[]): AdminGraphQL {
  const schema = makeExecutableSchema({
    typeDefs: subjects.map(({ sdl }) => sdl),
    resolvers: subjects.map(({ resolvers }) => resolvers as never),
  });
  return async (body) => {
    const { query, variables, operationName } = givenOf(jsonObject(body, 'the body'));
    if (typeof query !== 'string') throw new Fault('BAD_USER_INPUT', { why: 'query must be the text of an operation' });
    // Variables that are no object: graphql-js would throw for them, and not answer.
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

interface Named {
  readonly variableValues: Record<string, unknown> | undefined;
  readonly operationName: string | undefined;
}

function askedIn(schema: GraphQLSchema, query: string, { variableValues, operationName }: Named): Asked | null {
  try {
    const document = parse(query);
    return askedOf(schema, operationOf(document, operationName), document, variableValues);
  } catch {
    return null;
  }
}

/** An error as it is answered. A text that nests too deep for the parser gives one of no kind that GraphQL knows. */
function told(error: Error) {
  const known = error instanceof GraphQLError ? error : new GraphQLError(error.message);
  const { originalError: cause } = known;
  return { ...known.toJSON(), ...(cause instanceof Fault ? { extensions: cause.extensions } : {}) };
}
