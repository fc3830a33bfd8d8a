import { addResolversToSchema } from '@graphql-tools/schema';
import type { GraphQLFieldResolver, GraphQLSchema } from 'graphql';
import type { Claims, StreamSchema } from '../schema/stream-schema.js';
import { pickClaims, type Viewer } from './viewer.js';

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
  for (const [type, fields] of Object.entries({ ...resolvers })) {
    const fieldsOfType = streams.graphql.getType(type);
    if (!fieldsOfType || !('getFields' in fieldsOfType)) {
      wrapped[type] = fields;
      continue;
    }
    wrapped[type] = Object.fromEntries(
      Object.entries(fields).map(([field, resolver]) => {
        const declared = declaredClaims(resolver);
        resolved.set(`${type}.${field}`, declared);
        return [field, declared ? limited(resolver as { resolve: Resolver }, declared) : resolver];
      }),
    );
  }
  const query = streams.graphql.getQueryType();
  const generated = query && !query.astNode?.loc ? query : query;
  const own = (field: string) => query !== null && query !== undefined && !resolved.has(`${query.name}.${field}`);
  const defaults: Record<string, object> = {};
  if (generated?.getFields()['version'] && own('version')) defaults['version'] = () => version;
  if (generated?.getFields()['viewer'] && own('viewer')) {
    defaults['viewer'] = (_: unknown, __: unknown, { viewer }: Context) =>
      viewer.signedIn ? { sub: viewer.claims['sub'] ?? null, claims: viewer.claims } : null;
  }
  if (query) wrapped[query.name] = { ...defaults, ...wrapped[query.name] };
  const schema = addResolversToSchema({
    schema: streams.graphql,
    resolvers: wrapped as never,
    resolverValidationOptions: { requireResolversToMatchSchema: 'error' },
  });
  return { schema, resolved };
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
