import {
  type ConstDirectiveNode,
  type GraphQLSchema,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
} from 'graphql';
import { scopesIn } from '../claims.js';
import type { Report } from '../problem.js';
import type { Access, Claims } from '../stream-schema.js';
import { argument, argumentPlace, type Used, used } from './directives.js';

/**
 * Who may ask, wherever a schema says so: by `Type.field` or `Type`. Statements that contradict each other are faults.
 * What Query, Mutation or Subscription says itself holds for each of its fields that says nothing.
 */
export function readAccess(schema: GraphQLSchema, to: Report): ReadonlyMap<string, Access> {
  const stated = new Map<string, Access>();
  const roots = new Set<unknown>([schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]);
  const read = (name: string, nodes: readonly ConstDirectiveNode[], enforced: boolean) => {
    const access = accessOf(schema, name, nodes, enforced, to);
    if (access !== null) stated.set(name, access);
  };
  for (const type of Object.values(schema.getTypeMap())) {
    if (isIntrospectionType(type) || (!isObjectType(type) && !isInterfaceType(type))) continue;
    const nodes = [type.astNode, ...type.extensionASTNodes].flatMap((node) => node?.directives ?? []);
    read(type.name, nodes, isObjectType(type));
    for (const field of Object.values(type.getFields())) {
      const name = `${type.name}.${field.name}`;
      read(name, field.astNode?.directives ?? [], isObjectType(type));
      if (roots.has(type)) inherit(stated, type.name, name, field.astNode?.name.loc?.start ?? 0, to);
    }
  }
  return stated;
}

function inherit(stated: Map<string, Access>, type: string, field: string, place: number, to: Report): void {
  const whole = stated.get(type);
  const own = stated.get(field);
  if (whole === undefined) return;
  if (own === undefined) stated.set(field, whole);
  else if (own.public !== whole.public)
    to.fault(place, `${field} and ${type} contradict each other: both have to be public, or neither`);
}

function accessOf(
  schema: GraphQLSchema,
  name: string,
  nodes: readonly ConstDirectiveNode[],
  enforced: boolean,
  to: Report,
): Access | null {
  const find = (directive: string) => used(nodes, schema.getDirective(directive));
  const open = find('public');
  const authenticated = find('authenticated');
  const scoped = find('requiresScopes');
  const closed = authenticated ?? scoped;
  const any = open ?? closed;
  if (any === null) return null;
  const place = any.node.loc?.start ?? 0;
  if (!enforced)
    to.fault(place, `access is stated on object types: on the interface's ${name} nobody would enforce it`);
  if (open !== null && closed !== null)
    to.fault(place, `${name} says @public and @${closed.definition.name}: only one of them can be true`);
  return {
    public: open !== null,
    authenticated: authenticated !== null,
    scopes: scoped === null ? null : scopesOf(scoped, to),
  };
}

function scopesOf(scoped: Used, to: Report): Access['scopes'] {
  const scopes = argument(scoped, 'scopes', to) as readonly (readonly string[])[] | undefined;
  if (scopes === undefined) return [];
  const place = argumentPlace(scoped, 'scopes');
  if (scopes.length === 0) to.fault(place, '@requiresScopes(scopes: []) lets nobody pass');
  if (scopes.some((all) => all.length === 0))
    to.fault(place, 'an empty list of scopes asks for none: say @authenticated');
  if (scopes.flat().some((scope) => scope === '' || /\s/.test(scope))) to.fault(place, 'a scope is one word');
  return scopes;
}

export const nobodySaid =
  'nothing is public by accident: say @public, @authenticated or @requiresScopes(scopes: …) on the field or its type';

/**
 * Why this viewer may not ask, null when they may. `claims` is null without a token.
 * Where nothing is stated (a field whose rule reads claims), one has to be signed in.
 */
export function refusal(
  access: Access | undefined,
  claims: Claims | null,
  scopeClaims: readonly string[],
): 'UNAUTHENTICATED' | 'FORBIDDEN' | null {
  if (access?.public === true) return null;
  if (claims === null) return 'UNAUTHENTICATED';
  const scopes = access?.scopes ?? null;
  if (scopes === null) return null;
  const own = scopesIn(claims, scopeClaims);
  return scopes.some((all) => all.every((scope) => own.has(scope))) ? null : 'FORBIDDEN';
}
