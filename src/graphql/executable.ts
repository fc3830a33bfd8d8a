import { addResolversToSchema } from '@graphql-tools/schema';
import {
  type GraphQLFieldResolver,
  type GraphQLObjectType,
  type GraphQLSchema,
  isCompositeType,
  isScalarType,
} from 'graphql';
import type { Claims, StreamSchema } from '../schema/stream-schema.js';
import { exactly } from '../schema/whole-numbers.js';
import { nobody, pickClaims, type Viewer } from './viewer.js';

/** The ephemeral path of fields without `@kafka`: what may be lost. */
export interface PubSub {
  publish(topic: string, payload: unknown): Promise<void>;
  asyncIterableIterator<T>(topics: string | readonly string[]): AsyncIterableIterator<T>;
}

/** What resolvers get as their third argument. */
export interface Context {
  /** Only for resolvers that declare nothing, and for queries and mutations. */
  readonly viewer: Viewer;
  /** The claims a resolver declared, or all of them when it declared nothing. */
  readonly claims: Claims;
  readonly pubsub: PubSub;
}

export const contextFor = (viewer: Viewer, pubsub: PubSub): Context => ({ viewer, claims: viewer.claims, pubsub });

export type Resolver = GraphQLFieldResolver<never, Context>;

/**
 * A resolver, or one that says which claims it reads and gets only those. Viewers with equal values of them share
 * one execution; a resolver that says nothing is executed for each viewer alone.
 */
export type FieldResolver =
  | Resolver
  | { readonly claims: readonly string[]; readonly resolve: Resolver }
  | { readonly subscribe: GraphQLFieldResolver<never, Context>; readonly resolve?: Resolver };

/** By type, then by field; or a scalar, or an enum's internal values, as graphql-tools takes them. */
export type Resolvers = Readonly<Record<string, Readonly<Record<string, unknown>> | object>>;

export interface Executable {
  readonly schema: GraphQLSchema;
  /** Fields with a resolver of the author's, by `Type.field`: the claims it declares, null when it declares nothing. */
  readonly resolved: ReadonlyMap<string, readonly string[] | null>;
}

/** Adds the author's resolvers, and those of the generated Query. Throws an Error for a type or field that is not there. */
export function makeExecutable(streams: StreamSchema, resolvers: Resolvers, version: string): Executable {
  const resolved = new Map<string, readonly string[] | null>();
  const wrapped: Record<string, object> = {};
  for (const [name, given] of Object.entries(resolvers)) {
    const type = streams.graphql.getType(name);
    if (!isCompositeType(type)) {
      wrapped[name] = given;
      continue;
    }
    wrapped[name] = Object.fromEntries(
      Object.entries(given).map(([field, resolver]) => {
        if (field.startsWith('__')) return [field, withoutViewer(resolver)];
        const declared = declaredClaims(resolver);
        resolved.set(`${name}.${field}`, declared);
        return [field, exactResolver(declared ? limited(resolver as { resolve: Resolver }, declared) : resolver)];
      }),
    );
  }
  const query = streams.graphql.getQueryType();
  if (query) wrapped[query.name] = { ...generated(query, version), ...wrapped[query.name] };
  const schema = addResolversToSchema({
    schema: streams.graphql,
    resolvers: wrapped as never,
    resolverValidationOptions: { requireResolversToMatchSchema: 'error' },
  });
  asWritten(schema, streams.graphql);
  return { schema, resolved };
}

/**
 * Resolvers say what a scalar does, the schema's text what clients know of it. A library's scalar brings a description and an
 * address of its own: introspection would tell another schema than the text.
 */
function asWritten(schema: GraphQLSchema, written: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap())) {
    const before = written.getType(type.name);
    if (isScalarType(type) && isScalarType(before))
      Object.assign(type, { description: before.description, specifiedByURL: before.specifiedByURL });
  }
}

/** For a Query that has `version` and `viewer`: the generated one, or an author's that wants them. */
function generated(query: GraphQLObjectType, version: string): Record<string, Resolver> {
  const answers: Record<string, Resolver> = {
    version: () => version,
    viewer: (_, __, { viewer }) => (viewer.signedIn ? { sub: viewer.claims.sub ?? null, claims: viewer.claims } : null),
  };
  return Object.fromEntries(Object.entries(answers).filter(([name]) => Object.hasOwn(query.getFields(), name)));
}

/** What a resolver gives may be a whole number of its event that graphql-js would refuse. */
function exactResolver(resolver: unknown): unknown {
  if (typeof resolver === 'function') return exactly(resolver as Resolver);
  const { resolve } = (resolver ?? {}) as { readonly resolve?: unknown };
  return typeof resolve === 'function' ? { ...(resolver as object), resolve: exactly(resolve as Resolver) } : resolver;
}

function declaredClaims(resolver: unknown): readonly string[] | null {
  const claims = typeof resolver === 'object' && resolver !== null ? (resolver as { claims?: unknown }).claims : null;
  return Array.isArray(claims) ? (claims as string[]) : null;
}

/** What a resolver did not declare it cannot read: a frame shared because of the declaration is safe to share. */
function limited({ resolve }: { resolve: Resolver }, names: readonly string[]): Resolver {
  return (parent, args, context, info) => {
    const { pubsub, viewer } = context;
    const claims = pickClaims(viewer.claims, names);
    return resolve(parent, args, { pubsub, claims, viewer: { ...viewer, claims, expiresAt: null } }, info);
  };
}

/** `__resolveType` and `__isTypeOf` cannot declare anything: what they decide must not depend on who asks. */
function withoutViewer(resolver: unknown): unknown {
  if (typeof resolver !== 'function') return resolver;
  return (value: unknown, { pubsub }: Context, ...rest: unknown[]) =>
    (resolver as (...args: unknown[]) => unknown)(value, { pubsub, claims: nobody.claims, viewer: nobody }, ...rest);
}
