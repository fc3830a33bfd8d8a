import {
  type ASTNode,
  BREAK,
  type DocumentNode,
  Kind,
  type OperationDefinitionNode,
  print,
  type ValueNode,
  type VariableNode,
  visit,
} from 'graphql';
import { fragmentsOf, type Visitor, walk } from './fragments.js';

/**
 * The text of an operation without what does not change its result: its name, `@resume`, the arguments of its root
 * field (they are compared by value) and whether a value stands in the text or in a variable. Operations with equal
 * texts, on the same field, arguments and claims, show the same.
 *
 * `variables` are the client's own JSON, before coercion: what a custom scalar makes of it need not be printable.
 */
export function normalized(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): string {
  const known = shared.get(operation);
  if (known !== undefined) return known;
  const text = printed(document, operation, variables);
  if (!readsVariables(document, operation)) shared.set(operation, text);
  return text;
}

/** Texts of operations that read no variables: printed once, and not for each who subscribes. */
const shared = new WeakMap<OperationDefinitionNode, string>();

/** Whether a variable decides what is shown of an event. Arguments of the root field do not: they decide which events there are. */
export function readsVariables({ definitions }: DocumentNode, { selectionSet }: OperationDefinitionNode): boolean {
  const isRootArgument = (node: ASTNode) =>
    selectionSet.selections.some((one) => one.kind === Kind.FIELD && one.arguments?.some((given) => given === node));
  let found = false;
  const look = {
    Argument: (node: ASTNode) => (isRootArgument(node) ? false : undefined),
    Variable: () => {
      found = true;
      return BREAK;
    },
  };
  visit(selectionSet, look);
  for (const node of definitions) if (node.kind === Kind.FRAGMENT_DEFINITION) visit(node, look);
  return found;
}

function printed(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): string {
  const fragments = usedFragments(document, operation);
  const defaults = new Map(
    operation.variableDefinitions?.map(({ variable, defaultValue }) => [variable.name.value, defaultValue]),
  );
  const given = ({ name: { value } }: VariableNode) =>
    Object.hasOwn(variables, value) ? literal(variables[value]) : defaults.get(value);
  /** An argument whose variable was not given is no null: the argument's own default holds. */
  const isLeftOut = ({ value }: { readonly value: ValueNode }) => value.kind === Kind.VARIABLE && !given(value);
  const inlined = <T extends ASTNode>(node: T): T =>
    visit(node, {
      Argument: (argument) => (isLeftOut(argument) ? null : undefined),
      ObjectField: (field) => (isLeftOut(field) ? null : undefined),
      Variable: (variable) => given(variable) ?? literal(null),
    });
  const selections = operation.selectionSet.selections.map((selection) =>
    selection.kind === Kind.FIELD ? { ...selection, arguments: [] } : selection,
  );
  const bare = {
    ...operation,
    name: undefined,
    variableDefinitions: [],
    directives: [],
    selectionSet: { ...operation.selectionSet, selections },
  };
  return [bare, ...fragments].map((part) => print(inlined(part))).join('\n');
}

function usedFragments(document: DocumentNode, { selectionSet }: OperationDefinitionNode) {
  const fragments = fragmentsOf(document);
  const used = new Set<string>();
  const visitor: Visitor<true> = {
    field: (node) => node.selectionSet && walk(node.selectionSet, fragments, true, visitor),
    enter({ name }) {
      if (name === null) return true;
      if (used.has(name)) return null;
      used.add(name);
      return true;
    },
  };
  walk(selectionSet, fragments, true, visitor);
  return [...used].sort().flatMap((name) => fragments.get(name) ?? []);
}

function literal(value: unknown): ValueNode {
  if (value === null || value === undefined) return { kind: Kind.NULL };
  if (typeof value === 'boolean') return { kind: Kind.BOOLEAN, value };
  // Minus zero is 0 as text, and a resolver can tell them apart.
  if (typeof value === 'bigint') return { kind: Kind.INT, value: String(value) };
  if (typeof value === 'number') return { kind: Kind.FLOAT, value: Object.is(value, -0) ? '-0' : String(value) };
  if (typeof value === 'string') return { kind: Kind.STRING, value };
  if (Array.isArray(value)) return { kind: Kind.LIST, values: value.map(literal) };
  return {
    kind: Kind.OBJECT,
    fields: Object.entries(value).map(([name, inner]) => ({
      kind: Kind.OBJECT_FIELD,
      // A key of a JSON scalar need not be a GraphQL name: as printed string it cannot be taken for another one.
      name: { kind: Kind.NAME, value: JSON.stringify(name) },
      value: literal(inner),
    })),
  };
}
