import {
  type DocumentNode,
  type FieldNode,
  type GraphQLNamedType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type SelectionSetNode,
  visit,
} from 'graphql';
import { type Fault, limitExceeded } from '../../event/faults.js';
import { fragmentsOf, walk } from './fragments.js';

/** How much an operation may ask for. */
export interface OperationBounds {
  /** Words of GraphQL in a document. */
  readonly operationTokens: number;
  /** Fields inside of fields. */
  readonly operationDepth: number;
  /** Aliases in a document. */
  readonly operationAliases: number;
  /** Directives in a document. */
  readonly operationDirectives: number;
  /** Fields of a result where every list has ten elements. */
  readonly operationCost: number;
  /** Lists and objects inside of each other, in variables and extensions. */
  readonly jsonDepth: number;
}

export const defaultBounds: OperationBounds = {
  operationTokens: 5_000,
  operationDepth: 12,
  operationAliases: 30,
  operationDirectives: 30,
  operationCost: 10_000,
  jsonDepth: 20,
};

const assumedLength = 10;

/**
 * What a document has too much of, or null. Documents are weighed before they are validated: graphql-js compares fields of
 * the same name pair by pair, and few words would keep it busy for long.
 */
export function excessOf(schema: GraphQLSchema, document: DocumentNode, bounds: OperationBounds): Fault | null {
  let aliases = 0;
  let directives = 0;
  visit(document, {
    Field({ alias }) {
      if (alias) aliases++;
    },
    Directive() {
      directives++;
    },
  });
  const weigh = scales(schema, document);
  const weights = document.definitions.flatMap((node) =>
    node.kind === Kind.OPERATION_DEFINITION
      ? weigh(node.selectionSet, schema.getRootType(node.operation) ?? undefined)
      : [],
  );
  const found = {
    operationAliases: aliases,
    operationDirectives: directives,
    operationDepth: Math.max(0, ...weights.map(({ depth }) => depth)),
    operationCost: Math.max(0, ...weights.map(({ cost }) => cost)),
  };
  for (const [limit, value] of Object.entries(found) as [keyof typeof found, number][])
    if (value > bounds[limit]) return limitExceeded(limit, bounds[limit], value);
  return null;
}

interface Weight {
  readonly depth: number;
  readonly cost: number;
}

const nothing: Weight = { depth: 0, cost: 0 };

/** Weighs selections. A field that is not in the schema weighs as if it were no list: it is refused afterwards. */
function scales(schema: GraphQLSchema, document: DocumentNode) {
  const fragments = fragmentsOf(document);
  /** Each fragment is weighed once: spread in each other, few words select exponentially many fields. */
  const known = new Map<string, Weight>();

  function fragment(name: string): Weight {
    const found = known.get(name);
    if (found) return found;
    // A fragment that spreads itself is refused afterwards, and must come to an end here.
    known.set(name, nothing);
    const node = fragments.get(name);
    const weight = node ? set(node.selectionSet, schema.getType(node.typeCondition.name.value)) : nothing;
    known.set(name, weight);
    return weight;
  }

  function field({ name, selectionSet }: FieldNode, parent: Parent): Weight {
    // Introspection is bounded by graphql-js itself, and GraphiQL's own question is deep.
    if (name.value === '__schema' || name.value === '__type') return { depth: 1, cost: 1 };
    const isKnown = isObjectType(parent) || isInterfaceType(parent);
    const type = isKnown ? parent.getFields()[name.value]?.type : undefined;
    const inner = selectionSet ? set(selectionSet, type && getNamedType(type)) : nothing;
    return { depth: 1 + inner.depth, cost: 1 + inner.cost * (type ? lengthOf(type) : 1) };
  }

  function set(selections: SelectionSetNode, parent: Parent): Weight {
    let { depth, cost } = nothing;
    const add = (weight: Weight) => {
      depth = Math.max(depth, weight.depth);
      cost = Math.min(cost + weight.cost, Number.MAX_SAFE_INTEGER);
    };
    walk<Parent>(selections, fragments, parent, {
      field: (node, place) => add(field(node, place)),
      enter({ name, condition }, place) {
        if (name === null) return (condition === undefined ? undefined : schema.getType(condition)) ?? place;
        add(fragment(name));
        return null;
      },
    });
    return { depth, cost };
  }

  return set;
}

/** Undefined where it is not in the schema. */
type Parent = GraphQLNamedType | undefined;

function lengthOf(type: GraphQLOutputType): number {
  if (isNonNullType(type)) return lengthOf(type.ofType);
  return isListType(type) ? assumedLength * lengthOf(type.ofType) : 1;
}

/**
 * Whether JSON has more than `most` lists and objects inside of each other. What walks through values does so by
 * recursion, here and in libraries: 64 KB of brackets are deeper than a stack.
 */
export function isTooDeep(json: unknown, most: number): boolean {
  if (typeof json !== 'object' || json === null) return false;
  return most === 0 || Object.values(json).some((inner) => isTooDeep(inner, most - 1));
}
