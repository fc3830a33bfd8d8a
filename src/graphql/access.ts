import {
  type DocumentNode,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isObjectType,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { Fault } from '../event/faults.js';
import type { Access, StreamSchema } from '../schema/stream-schema.js';
import { scopesOf, type Viewer } from './viewer.js';

/** A field of an operation as it may be executed: on an interface it may be any of the types behind it. */
export interface SelectedField {
  /** `Type.field`. */
  readonly coordinate: string;
  /** Types whose own access statement holds for this field too. */
  readonly types: readonly string[];
  readonly path: string;
  /** True for a field of Query, Mutation or Subscription. */
  readonly root: boolean;
}

/** Every field of the document with the places it may be executed at, in the document's order. */
export function selectedFields(schema: GraphQLSchema, document: DocumentNode): SelectedField[] {
  const found: SelectedField[] = [];
  const types = new TypeInfo(schema);
  const path: string[] = [];
  const roots = new Set(
    [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].map((type) => type?.name),
  );
  visit(
    document,
    visitWithTypeInfo(types, {
      Field: {
        enter(node) {
          path.push(node.alias?.value ?? node.name.value);
          const parent = types.getParentType();
          const result = getNamedType(types.getType());
          if (!parent) return;
          const parents = isAbstractType(parent) ? [parent, ...schema.getPossibleTypes(parent)] : [parent];
          const reached = isAbstractType(result) ? [result, ...schema.getPossibleTypes(result)] : [result];
          const names = [...parents, ...reached].filter((type) => type && (isObjectType(type) || isAbstractType(type)));
          for (const { name } of parents) {
            found.push({
              coordinate: `${name}.${node.name.value}`,
              types: names.map((type) => type?.name as string),
              path: path.join('.'),
              root: roots.has(name) && !node.name.value.startsWith('__'),
            });
          }
        },
        leave: () => void path.pop(),
      },
    }),
  );
  return found;
}

/**
 * May this viewer ask for these fields at all? Returns the fault, or null.
 * A refusal names every path, so that a client can leave them out: an error on each event would end Apollo's stream.
 */
export function refuse(schema: StreamSchema, fields: readonly SelectedField[], viewer: Viewer): Fault | null {
  const forbidden = new Set<string>();
  for (const { coordinate, types, path, root } of fields) {
    // A rule that reads claims is an access statement too: without a token it could only deny, and for ever.
    if (root && !viewer.signedIn && !schema.access.get(coordinate)?.public) {
      return new Fault('UNAUTHENTICATED', { why: `${coordinate} is not public` });
    }
    for (const place of [coordinate, ...types]) {
      const access = schema.access.get(place);
      if (!access || isAllowed(access, viewer)) continue;
      if (!viewer.signedIn) return new Fault('UNAUTHENTICATED', { why: `${coordinate} is not public` });
      forbidden.add(path);
    }
  }
  if (forbidden.size === 0) return null;
  const paths = [...forbidden];
  return new Fault('FORBIDDEN', { paths: paths.join(', ') }, { paths });
}

function isAllowed({ authenticated, scopes }: Access, viewer: Viewer): boolean {
  if ((authenticated || scopes) && !viewer.signedIn) return false;
  if (!scopes) return true;
  const owned = scopesOf(viewer);
  return scopes.some((all) => all.every((scope) => owned.has(scope)));
}
