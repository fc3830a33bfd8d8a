import {
  type DocumentNode,
  type FieldNode,
  type GraphQLDirective,
  GraphQLIncludeDirective,
  type GraphQLObjectType,
  type GraphQLSchema,
  GraphQLSkipDirective,
  getDirectiveValues,
  isAbstractType,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import { fragmentsOf, type Part, walk } from './fragments.js';

/** Something that may hold a selection: an operation, or fields of one name. */
type Selecting = { readonly selectionSet?: SelectionSetNode | undefined };

type Variables = Readonly<Record<string, unknown>>;

/** Whether `@skip` and `@include` let a selection be executed. */
export type Includes = (node: SelectionNode) => boolean;

/** Throws a GraphQLError where the value of such a directive is none. */
export const includedBy =
  (variables: Variables): Includes =>
  (node) =>
    getDirectiveValues(GraphQLSkipDirective, node, variables)?.if !== true &&
    getDirectiveValues(GraphQLIncludeDirective, node, variables)?.if !== false;

/** The same, where a directive without a proper value says nothing. */
export const perhapsIncludedBy = (variables: Variables): Includes => {
  const says = (directive: GraphQLDirective, node: SelectionNode) => {
    try {
      return getDirectiveValues(directive, node, variables)?.if;
    } catch {
      return undefined;
    }
  };
  return (node) => says(GraphQLSkipDirective, node) !== true && says(GraphQLIncludeDirective, node) !== false;
};

/**
 * Gives the fields that are selected on an object of a type, by their key in the result and in its order: fragments
 * spread, `@skip` and `@include` decided. The rules are those of "CollectFields" in GraphQL's specification.
 */
export function collector(schema: GraphQLSchema, document: DocumentNode, includes: Includes) {
  const fragments = fragmentsOf(document);

  const fits = (condition: string | undefined, type: GraphQLObjectType) => {
    if (condition === undefined || condition === type.name) return true;
    const other = schema.getType(condition);
    return isAbstractType(other) && schema.isSubType(other, type);
  };

  return (type: GraphQLObjectType, nodes: readonly Selecting[]): ReadonlyMap<string, readonly FieldNode[]> => {
    const found = new Map<string, FieldNode[]>();
    const spread = new Set<string>();
    const visitor = {
      includes,
      field(node: FieldNode) {
        const key = node.alias?.value ?? node.name.value;
        const same = found.get(key);
        if (same) same.push(node);
        else found.set(key, [node]);
      },
      enter({ name, condition }: Part) {
        if (name !== null && spread.has(name)) return null;
        if (name !== null) spread.add(name);
        return fits(condition, type) ? type : null;
      },
    };
    for (const { selectionSet } of nodes) if (selectionSet) walk(selectionSet, fragments, type, visitor);
    return found;
  };
}
