import {
  type DocumentNode,
  type FieldNode,
  type GraphQLCompositeType,
  GraphQLError,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isCompositeType,
  isObjectType,
  isUnionType,
  type OperationDefinitionNode,
} from 'graphql';
import { Fault } from '../../event/faults.js';
import { scopesIn } from '../../schema/claims.js';
import type { Access, StreamSchema } from '../../schema/stream-schema.js';
import type { Viewer } from '../viewer.js';
import { fragmentsOf, type Part, walk } from './fragments.js';

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

/** Fields that are looked at: fragments that spread fragments select exponentially many with few words. */
const mostFields = 10_000;
/** Characters of all paths together, each with all aliases on its way: of a request of 60 KB they would be 30 MB. */
const mostPaths = 1_000_000;
/** Paths that the sentence of a refusal names: the others stand in its `extensions`. */
const mostNamed = 20;

/**
 * Every field that executing the operation may reach, in the document's order, through its fragments. Leaves out
 * introspection. Throws a GraphQLError when there are too many.
 */
export function selectedFields(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): readonly SelectedField[] {
  const found: SelectedField[] = [];
  let paths = 0;
  const fragments = fragmentsOf(document);
  const typesBehind = (type: GraphQLCompositeType): readonly GraphQLObjectType[] =>
    isObjectType(type) ? [type] : schema.getPossibleTypes(type);

  const visitor = {
    field({ name: { value: name }, alias, selectionSet }: FieldNode, { type, possible, path }: Place) {
      const field = isUnionType(type) ? undefined : type.getFields()[name];
      if (!field) return;
      const at = [...path, alias?.value ?? name];
      const text = at.join('.');
      paths += text.length;
      if (paths > mostPaths) throw new GraphQLError('The paths of all fields of the operation are too long.');
      const result = getNamedType(field.type);
      const reached = isCompositeType(result) ? [result, ...typesBehind(result)] : [];
      const parents = [...new Set<GraphQLCompositeType>([type, ...possible])];
      const types = [...new Set([...parents, ...reached].map((one) => one.name))];
      for (const parent of parents) {
        found.push({ coordinate: `${parent.name}.${name}`, types, path: text, root: path.length === 0 });
      }
      if (found.length > mostFields) throw new GraphQLError(`The operation selects more than ${mostFields} fields.`);
      if (!selectionSet || !isCompositeType(result)) return;
      walk(selectionSet, fragments, { type: result, possible: typesBehind(result), path: at }, visitor);
    },
    enter({ condition }: Part, { type, possible, path }: Place): Place | null {
      const narrowed = condition === undefined ? type : schema.getType(condition);
      if (!isCompositeType(narrowed)) return null;
      return { type: narrowed, possible: typesBehind(narrowed).filter((one) => possible.includes(one)), path };
    },
  };

  const root = schema.getRootType(operation.operation);
  if (root) walk(operation.selectionSet, fragments, { type: root, possible: [root], path: [] }, visitor);
  return found;
}

/** Where a field stands. */
interface Place {
  readonly type: GraphQLCompositeType;
  /** The objects that may be there: fewer than the type has, inside of fragments. */
  readonly possible: readonly GraphQLObjectType[];
  readonly path: readonly string[];
}

/** How many things an operation does: each alias of a mutation is one. */
export const rootsOf = (fields: readonly SelectedField[]): number =>
  new Set(fields.filter(({ root }) => root).map(({ path }) => path)).size;

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
      if (!access || isAllowed(access, viewer, schema.scopeClaims)) continue;
      if (!viewer.signedIn) return new Fault('UNAUTHENTICATED', { why: `${coordinate} is not public` });
      forbidden.add(path);
    }
  }
  if (forbidden.size === 0) return null;
  const paths = [...forbidden];
  const more = paths.length > mostNamed ? ` and ${paths.length - mostNamed} more` : '';
  const why = `this viewer may not read ${paths.slice(0, mostNamed).join(', ')}${more}`;
  return new Fault('FORBIDDEN', { why }, { paths });
}

function isAllowed({ authenticated, scopes }: Access, viewer: Viewer, scopeClaims: readonly string[]): boolean {
  if ((authenticated || scopes) && !viewer.signedIn) return false;
  if (!scopes) return true;
  const owned = scopesIn(viewer.claims, scopeClaims);
  return scopes.some((all) => all.every((scope) => owned.has(scope)));
}
