import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLIncludeDirective,
  type GraphQLObjectType,
  type GraphQLSchema,
  GraphQLSkipDirective,
  getDirectiveValues,
  isAbstractType,
  Kind,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';

/** Something that may hold a selection: an operation, or fields of one name. */
type Selecting = { readonly selectionSet?: SelectionSetNode | undefined };

/**
 * Gives the fields that are selected on an object of a type, by their key in the result and in its order: fragments
 * spread, `@skip` and `@include` decided. The rules are those of "CollectFields" in GraphQL's specification.
 */
export function collector(schema: GraphQLSchema, document: DocumentNode, variables: Record<string, unknown>) {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const node of document.definitions)
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);

  const isIncluded = (node: SelectionNode) =>
    getDirectiveValues(GraphQLSkipDirective, node, variables)?.if !== true &&
    getDirectiveValues(GraphQLIncludeDirective, node, variables)?.if !== false;

  const fits = (condition: string | undefined, type: GraphQLObjectType) => {
    if (condition === undefined || condition === type.name) return true;
    const other = schema.getType(condition);
    return isAbstractType(other) && schema.isSubType(other, type);
  };

  return (type: GraphQLObjectType, nodes: readonly Selecting[]): ReadonlyMap<string, readonly FieldNode[]> => {
    const found = new Map<string, FieldNode[]>();
    const spread = new Set<string>();

    function walk(selections: readonly SelectionNode[]) {
      for (const selection of selections) {
        if (selection.kind === Kind.FRAGMENT_SPREAD && spread.has(selection.name.value)) continue;
        if (!isIncluded(selection)) continue;
        if (selection.kind === Kind.FIELD) {
          const key = selection.alias?.value ?? selection.name.value;
          const same = found.get(key);
          if (same) same.push(selection);
          else found.set(key, [selection]);
          continue;
        }
        if (selection.kind === Kind.FRAGMENT_SPREAD) spread.add(selection.name.value);
        const part = selection.kind === Kind.FRAGMENT_SPREAD ? fragments.get(selection.name.value) : selection;
        if (part && fits(part.typeCondition?.name.value, type)) walk(part.selectionSet.selections);
      }
    }

    for (const { selectionSet } of nodes) if (selectionSet) walk(selectionSet.selections);
    return found;
  };
}
