import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  Kind,
  NoSchemaIntrospectionCustomRule,
  type OperationDefinitionNode,
  parse,
  specifiedRules,
  type ValidationRule,
  validate,
} from 'graphql';
import { limitExceeded } from '../../event/faults.js';
import { toGraphQLError } from '../render/render.js';
import { type SelectedField, selectedFields } from './access.js';
import { defaultBounds, excessOf, type OperationBounds } from './bounds.js';

/** A document that was parsed and found valid, with what is learnt from it once. */
export interface Document {
  readonly ast: DocumentNode;
  /** What an operation of it selects. Throws a GraphQLError when that is too much to look at. */
  readonly fields: (operation: OperationDefinitionNode) => readonly SelectedField[];
}

export type Parsed = Document | readonly GraphQLError[];

export const isDocument = (parsed: Parsed): parsed is Document => !Array.isArray(parsed);

/** Parses, weighs and validates, remembering the newest `size` texts: clients send the same few documents over and over. */
export function documentCache(
  schema: GraphQLSchema,
  introspection: boolean,
  bounds: OperationBounds = defaultBounds,
  size = 1_000,
): (text: string) => Parsed {
  const cache = new Map<string, Parsed>();
  const rules = introspection ? specifiedRules : [...specifiedRules, NoSchemaIntrospectionCustomRule];
  return (text) => {
    const known = cache.get(text);
    if (known) {
      cache.delete(text);
      cache.set(text, known);
      return known;
    }
    const parsed = read(schema, text, rules, bounds, !introspection);
    if (text.length <= 10_000) cache.set(text, parsed);
    if (cache.size > size) cache.delete(cache.keys().next().value as string);
    return parsed;
  };
}

function read(
  schema: GraphQLSchema,
  text: string,
  rules: readonly ValidationRule[],
  bounds: OperationBounds,
  hideSuggestions: boolean,
): Parsed {
  let ast: DocumentNode;
  const { operationTokens: most } = bounds;
  try {
    ast = parse(text, { maxTokens: most });
  } catch (error) {
    const { message } = error as GraphQLError;
    // The parser's limit is known by its sentence alone: graphql-js has no code for it.
    if (/contains more tha[nt] \d+ tokens/.test(message))
      return [toGraphQLError(limitExceeded('operationTokens', most, most + 1))];
    return [coded(error as GraphQLError, 'GRAPHQL_PARSE_FAILED')];
  }
  const excess = excessOf(schema, ast, bounds);
  if (excess) return [toGraphQLError(excess)];
  const errors = [...validated(schema, ast, rules, hideSuggestions), ...rootless(schema, ast)];
  if (errors.length > 0) return errors.map((error) => coded(error, 'GRAPHQL_VALIDATION_FAILED'));
  const known = new Map<OperationDefinitionNode, readonly SelectedField[]>();
  const fields = (operation: OperationDefinitionNode) => {
    const found = known.get(operation) ?? selected(schema, ast, operation);
    known.set(operation, found);
    return found;
  };
  return { ast, fields };
}

/**
 * `hideSuggestions`: by what it was perhaps meant, guesses of a stranger learn the names that introspection would not tell.
 *
 * graphql-js throws instead of telling where the root of a subscription has `@skip` or `@include` with a variable: it looks
 * for the one field there without any variables.
 */
function validated(
  schema: GraphQLSchema,
  ast: DocumentNode,
  rules: readonly ValidationRule[],
  hideSuggestions: boolean,
): readonly GraphQLError[] {
  try {
    return validate(schema, ast, rules, { maxErrors: 20, hideSuggestions });
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    const { nodes } = error;
    const message = 'The field of a subscription cannot depend on a variable: leave out @skip and @include there.';
    return [new GraphQLError(message, { nodes })];
  }
}

/** Operations of a kind that the schema has no root for: graphql-js says so only when it executes, as a result with data. */
function rootless(schema: GraphQLSchema, { definitions }: DocumentNode): readonly GraphQLError[] {
  return definitions.flatMap((node) =>
    node.kind !== Kind.OPERATION_DEFINITION || schema.getRootType(node.operation)
      ? []
      : [new GraphQLError(`This schema has no ${node.operation}.`, { nodes: node })],
  );
}

/** The same error with Apollo's code for it, unless it has one already. */
export function coded(error: GraphQLError, code: string): GraphQLError {
  const { message, nodes, source, positions, path, originalError } = error;
  const extensions = { code, ...error.extensions };
  return new GraphQLError(message, { nodes, source, positions, path, originalError, extensions });
}

/** As `selectedFields`: too many of them are the client's fault, like a field that is not there. */
function selected(...asked: Parameters<typeof selectedFields>): readonly SelectedField[] {
  try {
    return selectedFields(...asked);
  } catch (error) {
    throw coded(error as GraphQLError, 'GRAPHQL_VALIDATION_FAILED');
  }
}

/** The operation meant. Throws a GraphQLError where there is none. */
export function operationOf(ast: DocumentNode, name: string | null | undefined): OperationDefinitionNode {
  const operation = getOperationAST(ast, name);
  if (operation) return operation;
  const message = name ? `Unknown operation named "${name}".` : 'Must provide an operation name: there are several.';
  throw new GraphQLError(message, { extensions: { code: 'OPERATION_RESOLUTION_FAILURE' } });
}
