import {
  type DefinitionNode,
  type DocumentNode,
  isTypeDefinitionNode,
  type NameNode,
  parse,
  type SchemaDefinitionNode,
  Source,
} from 'graphql';

/**
 * GraphQL demands a Query, streams do not: a schema without one gets `version` and `viewer`.
 * A scalar `JSON` of the author's is used; any other type of theirs keeps its name and ours takes another.
 */
export function withQuery(document: DocumentNode): DocumentNode {
  const kinds = new Map(document.definitions.filter(isTypeDefinitionNode).map((type) => [type.name.value, type.kind]));
  const schema = document.definitions.find((definition) => definition.kind === 'SchemaDefinition');
  const states = (definition: DefinitionNode) =>
    (definition.kind === 'SchemaDefinition' || definition.kind === 'SchemaExtension') &&
    definition.operationTypes?.some(({ operation }) => operation === 'query') === true;
  if (document.definitions.some(states) || (schema === undefined && kinds.has('Query'))) return document;

  const free = (name: string) => (kinds.has(name) ? `Tailrace${name}` : name);
  const query = free('Query');
  const viewer = free('Viewer');
  const sharesJson = kinds.get('JSON') === 'ScalarTypeDefinition';
  const json = sharesJson ? 'JSON' : free('JSON');
  const added = parse(
    new Source(
      `"What can be asked beside the streams."
      type ${query} {
        "The version of the gateway."
        version: String! @public
        "Who asks; null without a token."
        viewer: ${viewer} @public
      }
      "The one who asks, as the token says."
      type ${viewer} { sub: String  claims: ${json} }
      ${sharesJson ? '' : `"Any JSON value." scalar ${json}`}`,
      'tailrace',
    ),
  ).definitions;
  const definitions = document.definitions.map((definition) =>
    definition === schema && schema !== undefined ? withQueryNamed(schema, query) : definition,
  );
  return { ...document, definitions: [...definitions, ...added] };
}

function withQueryNamed(schema: SchemaDefinitionNode, query: string): SchemaDefinitionNode {
  const name: NameNode = { kind: 'Name', value: query } as NameNode;
  const type = { kind: 'NamedType', name } as const;
  const operation = {
    kind: 'OperationTypeDefinition',
    operation: 'query',
    type,
  } as unknown as SchemaDefinitionNode['operationTypes'][number];
  return { ...schema, operationTypes: [...schema.operationTypes, operation] };
}
