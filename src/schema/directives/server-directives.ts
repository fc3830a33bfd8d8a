import { type DirectiveDefinitionNode, type DocumentNode, Kind, specifiedDirectives, visit } from 'graphql';

const executable: ReadonlySet<string> = new Set([
  'QUERY',
  'MUTATION',
  'SUBSCRIPTION',
  'FIELD',
  'FRAGMENT_DEFINITION',
  'FRAGMENT_SPREAD',
  'INLINE_FRAGMENT',
  'VARIABLE_DEFINITION',
]);

const ofGraphQL: ReadonlySet<string> = new Set(specifiedDirectives.map(({ name }) => name));

/** Only a schema can carry it, so it tells a client nothing. Those of GraphQL itself do: `@deprecated`, `@specifiedBy`. */
const isServers = ({ name, locations }: DirectiveDefinitionNode): boolean =>
  !ofGraphQL.has(name.value) && !locations.some(({ value }) => executable.has(value));

/** The document without the directives that no operation can carry: neither their definitions nor their uses. */
export function withoutServerDirectives(document: DocumentNode): DocumentNode {
  const servers = new Set(
    document.definitions.flatMap((one) =>
      one.kind === Kind.DIRECTIVE_DEFINITION && isServers(one) ? [one.name.value] : [],
    ),
  );
  const gone = ({ name }: { readonly name: { readonly value: string } }) =>
    servers.has(name.value) ? null : undefined;
  return visit(document, { DirectiveDefinition: gone, Directive: gone });
}
