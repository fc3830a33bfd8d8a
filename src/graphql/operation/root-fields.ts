import {
  type DocumentNode,
  type FieldNode,
  type GraphQLDirective,
  GraphQLError,
  type GraphQLField,
  GraphQLIncludeDirective,
  type GraphQLSchema,
  GraphQLSkipDirective,
  getArgumentValues,
  getDirectiveValues,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
} from 'graphql';
import type { Asked, AskedField } from '../../observe/audit.js';

type Variables = Readonly<Record<string, unknown>>;

/** The one root field of a subscription, and its arguments. Throws a GraphQLError where they do not fit. */
export function rootField(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  document: DocumentNode,
  variables: Variables,
): { field: string; args: Record<string, unknown> } {
  const [node] = rootNodes(operation, document, variables);
  if (!node) throw new GraphQLError('The subscription selects nothing.');
  const field = schema.getSubscriptionType()?.getFields()[node.name.value];
  if (!field) throw new GraphQLError(`Nothing is streamed under "${node.name.value}".`);
  return { field: field.name, args: argumentsOf(field, node, variables) };
}

/** What an operation asks for, as far as it can be told. `raw` are its variables as they came. Never throws. */
export function askedOf(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  document: DocumentNode,
  raw: Variables | null | undefined,
): Asked {
  const fields = schema.getRootType(operation.operation)?.getFields() ?? {};
  const { coerced = {} } = getVariableValues(schema, operation.variableDefinitions ?? [], raw ?? {});
  const asked = ({ name, ...node }: FieldNode): AskedField => {
    try {
      const field = fields[name.value];
      return { field: name.value, args: field ? argumentsOf(field, { name, ...node }, coerced) : {} };
    } catch {
      return { field: name.value, args: {} };
    }
  };
  return { kind: operation.operation, fields: rootNodes(operation, document, coerced).map(asked) };
}

/** Every declared one, null when not given. */
function argumentsOf(field: GraphQLField<unknown, unknown>, node: FieldNode, variables: Variables) {
  const given = getArgumentValues(field, node, variables);
  return Object.fromEntries(field.args.map(({ name }) => [name, given[name] ?? null]));
}

/** The fields of the root that are executed, in the document's order and through its fragments, each name once. */
function rootNodes(operation: OperationDefinitionNode, document: DocumentNode, variables: Variables): FieldNode[] {
  const found = new Map<string, FieldNode>();
  // A fragment that spreads another one twice, and so on, is little text and never ends.
  const spread = new Set<string>();
  function walk(selections: readonly SelectionNode[]) {
    for (const node of selections) {
      if (!isIncluded(node, variables)) continue;
      if (node.kind === Kind.FIELD) {
        const name = node.alias?.value ?? node.name.value;
        if (!found.has(name)) found.set(name, node);
      } else if (node.kind === Kind.INLINE_FRAGMENT) walk(node.selectionSet.selections);
      else if (!spread.has(node.name.value)) {
        spread.add(node.name.value);
        for (const one of document.definitions)
          if (one.kind === Kind.FRAGMENT_DEFINITION && one.name.value === node.name.value)
            walk(one.selectionSet.selections);
      }
    }
  }
  walk(operation.selectionSet.selections);
  return [...found.values()];
}

function isIncluded(node: SelectionNode, variables: Variables): boolean {
  const says = (directive: GraphQLDirective) => {
    try {
      return getDirectiveValues(directive, node, variables)?.if;
    } catch {
      return undefined;
    }
  };
  return says(GraphQLSkipDirective) !== true && says(GraphQLIncludeDirective) !== false;
}
