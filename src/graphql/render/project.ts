import {
  type DocumentNode,
  defaultFieldResolver,
  type FieldNode,
  type GraphQLAbstractType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getArgumentValues,
  getOperationAST,
  getVariableValues,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  type OperationDefinitionNode,
} from 'graphql';
import type { Rendered } from '../../hub/frame.js';
import { liesInList, pathReadBy } from '../../schema/member.js';
import { valueAt } from '../../schema/path.js';
import { readsVariables } from '../operation/selection.js';
import { collector } from './project-fields.js';
import { leaf, type Write } from './project-leaves.js';

/** What the one field of the root is without errors; null where graphql-js has to execute the operation over this event. */
export type Project = (root: Readonly<Record<string, unknown>>) => Rendered | null;

/** Fragments that spread fragments select exponentially many fields with few words. */
const mostFields = 1_000;

/**
 * Turns a subscription into closures that write its result straight as JSON text, at a tenth of the cost of executing it
 * (`npm run bench:project`).
 *
 * They know only how things go well, and only for JSON values: at the first thing that would be an error they give up
 * on the event, so that graphql-js says all that is ever said of errors, nulls and paths. Null when the operation has
 * what only graphql-js can do: a resolver or a type check in code, a variable or an argument that does not fit.
 */
export function compileProjection(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  rawVariables: Readonly<Record<string, unknown>>,
): Project | null {
  try {
    const { coerced, errors } = getVariableValues(schema, operation.variableDefinitions ?? [], rawVariables);
    if (errors) return null;
    const type = schema.getRootType(operation.operation) ?? giveUp();
    const [field, ...others] = compiler(schema, document, coerced).fields(type, [operation]);
    if (!field || others.length > 0) return null;
    const { key, write } = field;
    return (root) => {
      try {
        return { key, value: write(root), errors: null };
      } catch {
        return null;
      }
    };
  } catch {
    // Whatever it was, graphql-js tells it.
    return null;
  }
}

const shared = new WeakMap<OperationDefinitionNode, Project | null>();

/**
 * The projection of an operation that was found valid with its variables. Compiled once for everyone who sends the
 * same text, unless a variable decides over something below the root: where ten thousand users ask for their own
 * events there are as many groups.
 */
export function projectionOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | null,
  variables: Readonly<Record<string, unknown>>,
): Project | null {
  const operation = getOperationAST(document, operationName);
  if (!operation) return null;
  const known = shared.get(operation);
  if (known !== undefined) return known;
  const project = compileProjection(schema, document, operation, variables);
  if (!readsVariables(document, operation)) shared.set(operation, project);
  return project;
}

/** Thrown without a stack: making one would cost more than the event. */
const givenUp = 'graphql-js has to execute this';

const giveUp = (): never => {
  throw givenUp;
};

/** Writes the value of a field of this parent. */
type WriteField = (parent: Readonly<Record<string, unknown>>) => string;

interface Field {
  /** As JSON text. */
  readonly key: string;
  readonly write: WriteField;
}

function compiler(schema: GraphQLSchema, document: DocumentNode, variables: Record<string, unknown>) {
  const collect = collector(schema, document, variables);
  let count = 0;

  function fields(type: GraphQLObjectType, nodes: Parameters<typeof collect>[1]): readonly Field[] {
    if (type.isTypeOf) giveUp();
    return [...collect(type, nodes)].map(([key, same]) => {
      if (++count > mostFields) giveUp();
      return { key: JSON.stringify(key), write: field(type, same) };
    });
  }

  function object(type: GraphQLObjectType, nodes: Parameters<typeof collect>[1]): Write {
    const write = fields(type, nodes).map(member);
    const inList = liesInList(type);
    return (value) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value) !== inList) return giveUp();
      let text = '{';
      for (const one of write) text += one(value as Readonly<Record<string, unknown>>);
      return `${text}}`;
    };
  }

  function field(parent: GraphQLObjectType, nodes: readonly FieldNode[]): WriteField {
    const [node] = nodes as [FieldNode];
    const name = node.name.value;
    if (name === '__typename') {
      const text = JSON.stringify(parent.name);
      return () => text;
    }
    const definition = parent.getFields()[name] ?? giveUp();
    // Nothing reads them here; an argument that does not fit is an error of every event.
    getArgumentValues(definition, node, variables);
    const write = complete(definition.type, nodes);
    if (!definition.resolve || definition.resolve === defaultFieldResolver) return (source) => write(source[name]);
    const path = pathReadBy(definition.resolve) ?? giveUp();
    return (source) => write(valueAt(source, path));
  }

  function complete(type: GraphQLOutputType, nodes: readonly FieldNode[]): Write {
    if (isNonNullType(type)) {
      const write = present(type.ofType, nodes);
      return (value) => (value === null || value === undefined ? giveUp() : write(value));
    }
    const write = present(type, nodes);
    return (value) => (value === null || value === undefined ? 'null' : write(value));
  }

  function present(type: GraphQLOutputType, nodes: readonly FieldNode[]): Write {
    if (isLeafType(type)) return leaf(type);
    if (isListType(type)) return list(complete(type.ofType, nodes));
    if (isAbstractType(type)) return abstract(type, nodes);
    return object(type as GraphQLObjectType, nodes);
  }

  function abstract(type: GraphQLAbstractType, nodes: readonly FieldNode[]): Write {
    if (type.resolveType) giveUp();
    const possible = new Map(schema.getPossibleTypes(type).map((one) => [one.name, object(one, nodes)]));
    return (value) => {
      const write = possible.get((value as { readonly __typename?: string }).__typename ?? '') ?? giveUp();
      return write(value);
    };
  }

  return { fields };
}

/** After its comma and key. */
function member({ key, write }: Field, index: number): WriteField {
  const before = `${index > 0 ? ',' : ''}${key}:`;
  return (parent) => before + write(parent);
}

function list(write: Write): Write {
  return (value) => {
    if (!Array.isArray(value)) return giveUp();
    let text = '[';
    for (let i = 0; i < value.length; i++) text += i > 0 ? `,${write(value[i])}` : write(value[i]);
    return `${text}]`;
  };
}
