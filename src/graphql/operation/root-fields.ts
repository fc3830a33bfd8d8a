import {
  type DocumentNode,
  type FieldNode,
  GraphQLError,
  type GraphQLField,
  type GraphQLSchema,
  getArgumentValues,
  getVariableValues,
  type OperationDefinitionNode,
} from 'graphql';
import type { Asked, AskedField } from '../../observe/audit.js';
import { collector, perhapsIncludedBy } from './collect-fields.js';

type Variables = Readonly<Record<string, unknown>>;

/** The one root field of a subscription, and its arguments. Throws a GraphQLError where they do not fit. */
export function rootField(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  document: DocumentNode,
  variables: Variables,
): { field: string; args: Record<string, unknown> } {
  const [node] = rootNodes(schema, operation, document, variables);
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
  return { kind: operation.operation, fields: rootNodes(schema, operation, document, coerced).map(asked) };
}

/** Every declared argument, null when not given. */
function argumentsOf(field: GraphQLField<unknown, unknown>, node: FieldNode, variables: Variables) {
  const given = getArgumentValues(field, node, variables);
  return Object.fromEntries(field.args.map(({ name }) => [name, given[name] ?? null]));
}

/** The fields of the root that are executed, in the document's order and through its fragments, each name once. Never throws. */
function rootNodes(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  document: DocumentNode,
  variables: Variables,
): readonly FieldNode[] {
  const root = schema.getRootType(operation.operation);
  if (!root) return [];
  const found = collector(schema, document, perhapsIncludedBy(variables))(root, [operation]);
  return [...found.values()].flatMap(([first]) => first ?? []);
}
