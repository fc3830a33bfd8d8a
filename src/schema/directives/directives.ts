import {
  type ConstDirectiveNode,
  type DefinitionNode,
  type DocumentNode,
  type GraphQLDirective,
  parse,
  print,
  Source,
  valueFromAST,
  visit,
} from 'graphql';
import type { Report } from '../problem.js';

/** What a schema may say. The author of a schema does not declare these; `withDirectives` does. */
export const directiveDefinitions = /* GraphQL */ `
  "The topic a subscription field is fed from. pick takes the event out of the record, each cuts it into events."
  directive @kafka(topic: String!, cluster: String = "default", format: KafkaFormat = JSON, pick: String, each: String) on FIELD_DEFINITION
  "Which events this viewer gets: CEL over event, args, claims and record."
  directive @where(rule: String!) on FIELD_DEFINITION
  "Anyone may ask, signed in or not."
  directive @public on FIELD_DEFINITION | OBJECT
  "Anyone who is signed in may ask."
  directive @authenticated on FIELD_DEFINITION | OBJECT
  "Who has all scopes of one of the lists may ask."
  directive @requiresScopes(scopes: [[String!]!]!) on FIELD_DEFINITION | OBJECT
  "Where the value lies in the parent, as a dotted path in the record's names."
  directive @from(path: String!) on FIELD_DEFINITION
  "For rules, routes, @conflate and resolvers only: clients neither see it nor can they ask for it."
  directive @hidden on FIELD_DEFINITION | OBJECT | INTERFACE | UNION | SCALAR | ENUM
  "How long and how many events of a channel can be resumed."
  directive @history(retain: String, max: Int) on FIELD_DEFINITION
  "The latest event of each key, at most that often."
  directive @conflate(by: String!, every: String!) on FIELD_DEFINITION
  "Start after a cursor, or with the last events."
  directive @resume(after: String, rewind: Int, onGap: OnGap) on SUBSCRIPTION
  enum KafkaFormat { JSON AVRO PROTOBUF }
  "What to do when events after the cursor are gone: end with an error, or go on and tell the gap."
  enum OnGap { FAIL CONTINUE }
`;

const ours = parse(new Source(directiveDefinitions, 'tailrace')).definitions;

/**
 * The document with our definitions in it. A definition that its author repeats word for word (an editor may want
 * to see it) is taken as ours; one that differs is a fault, or half of the schema would mean something else.
 */
export function withDirectives(document: DocumentNode, to: Report): DocumentNode {
  const byName = new Map(ours.map((definition) => [nameOf(definition), definition]));
  const kept = document.definitions.filter((definition) => {
    const own = byName.get(nameOf(definition));
    if (own === undefined) return true;
    if (bare(own) !== bare(definition))
      to.fault(
        definition.loc?.start ?? 0,
        `${nameOf(definition)} is defined by Tailrace as: ${bare(own)}. Leave this definition out, or make it the same`,
      );
    return false;
  });
  return { ...document, definitions: [...kept, ...ours] };
}

function nameOf(definition: DefinitionNode): string {
  if (definition.kind === 'DirectiveDefinition') return `@${definition.name.value}`;
  const named = definition.kind.endsWith('TypeDefinition') && 'name' in definition ? definition.name : undefined;
  return named?.value ?? '';
}

/** Without descriptions and layout. */
function bare(definition: DefinitionNode): string {
  const stripped: DefinitionNode = visit(definition, {
    enter: (node) => ('description' in node ? { ...node, description: undefined } : undefined),
  });
  return print(stripped).replace(/\s+/g, ' ');
}

/** A directive as it was used. */
export interface Used {
  readonly node: ConstDirectiveNode;
  readonly definition: GraphQLDirective;
}

export function used(
  nodes: readonly ConstDirectiveNode[] | undefined,
  definition: GraphQLDirective | null | undefined,
): Used | null {
  const node = nodes?.find((candidate) => candidate.name.value === definition?.name);
  return node === undefined || !definition ? null : { node, definition };
}

/**
 * The value of an argument, its default when not given, undefined when there is neither or it has the wrong type;
 * the latter is a fault. (GraphQL's own validation of a schema looks at the names of directive arguments only.)
 */
export function argument(directive: Used, name: string, to: Report): unknown {
  const declared = directive.definition.args.find((candidate) => candidate.name === name);
  const given = directive.node.arguments?.find((candidate) => candidate.name.value === name);
  if (declared === undefined) return undefined;
  if (given === undefined || given.value.kind === 'NullValue') return declared.defaultValue;
  const value = valueFromAST(given.value, declared.type);
  if (value === undefined)
    to.fault(
      given.value.loc?.start ?? 0,
      `@${directive.definition.name}(${name}:) takes ${String(declared.type)}, not ${print(given.value)}`,
    );
  return value ?? undefined;
}

/** Where an argument's value stands; where the directive stands when the argument is not given. */
export function argumentPlace(directive: Used, name: string): number {
  const given = directive.node.arguments?.find((candidate) => candidate.name.value === name);
  return given?.value.loc?.start ?? directive.node.loc?.start ?? 0;
}
