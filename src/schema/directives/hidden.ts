import {
  buildASTSchema,
  type ConstDirectiveNode,
  type DefinitionNode,
  type DocumentNode,
  type GraphQLError,
  type GraphQLSchema,
  isInterfaceType,
  Kind,
  type TypeNode,
  validateSchema,
} from 'graphql';
import { validateSDL } from 'graphql/validation/validate.js';
import type { Report } from '../problem.js';
import { namesIn, reach, typeNamed } from './reach.js';

type Names = ReadonlySet<string>;

/**
 * The schema that clients see: without what is `@hidden`, without fields of hidden types, and without types to which only
 * these lead. `whole` itself where nothing is hidden. Null after a fault, each of which is told with its place.
 */
export function withoutHidden(document: DocumentNode, whole: GraphQLSchema, to: Report): GraphQLSchema | null {
  const { definitions } = document;
  if (!definitions.some(hidesSomething)) return whole;
  const roots = new Set(
    [whole.getQueryType(), whole.getMutationType(), whole.getSubscriptionType()].flatMap((type) => type?.name ?? []),
  );
  const isRoot = (definition: DefinitionNode) => roots.has(typeNamed(definition) ?? '');
  for (const root of definitions.filter(isRoot)) refuseOn(root, to);
  const hidden = new Set(
    definitions.filter((one) => hidingOf(one) && !isRoot(one)).flatMap((one) => typeNamed(one) ?? []),
  );
  const shown = definitions
    .filter((definition) => !hidden.has(typeNamed(definition) ?? ''))
    .map((definition) => shownPart(definition, hidden, isRoot(definition)));
  return built(pruned(document, { ...document, definitions: shown }, roots), whole, to);
}

const named = (nodes: readonly ConstDirectiveNode[] | undefined) => nodes?.find(({ name }) => name.value === 'hidden');

/** The directive on a definition itself. */
const hidingOf = (definition: DefinitionNode) =>
  'directives' in definition ? named(definition.directives as readonly ConstDirectiveNode[]) : undefined;

const fieldsOf = (definition: DefinitionNode) =>
  definition.kind === Kind.OBJECT_TYPE_DEFINITION ||
  definition.kind === Kind.OBJECT_TYPE_EXTENSION ||
  definition.kind === Kind.INTERFACE_TYPE_DEFINITION ||
  definition.kind === Kind.INTERFACE_TYPE_EXTENSION
    ? (definition.fields ?? [])
    : [];

const hidesSomething = (definition: DefinitionNode): boolean =>
  hidingOf(definition) !== undefined || fieldsOf(definition).some(({ directives }) => named(directives));

function refuseOn(root: DefinitionNode, to: Report): void {
  for (const directive of [hidingOf(root), ...fieldsOf(root).map(({ directives }) => named(directives))])
    if (directive)
      to.fault(directive.loc?.start ?? 0, '@hidden belongs on events and their fields: here nobody could ask for it');
}

/** Fields of a root stay: one of a hidden type is refused, and does not vanish. */
function shownPart(definition: DefinitionNode, hidden: Names, isRoot: boolean): DefinitionNode {
  switch (definition.kind) {
    case Kind.UNION_TYPE_DEFINITION:
    case Kind.UNION_TYPE_EXTENSION:
      return { ...definition, types: definition.types?.filter((type) => !leadsTo(hidden, type)) ?? [] };
    case Kind.OBJECT_TYPE_DEFINITION:
    case Kind.OBJECT_TYPE_EXTENSION:
    case Kind.INTERFACE_TYPE_DEFINITION:
    case Kind.INTERFACE_TYPE_EXTENSION: {
      const fields = fieldsOf(definition).filter(
        ({ directives, type }) => isRoot || (!named(directives) && !leadsTo(hidden, type)),
      );
      const interfaces = definition.interfaces?.filter((type) => !leadsTo(hidden, type)) ?? [];
      return { ...definition, fields, interfaces };
    }
    default:
      return definition;
  }
}

const leadsTo = (names: Names, type: TypeNode): boolean =>
  type.kind === Kind.NAMED_TYPE ? names.has(type.name.value) : leadsTo(names, type.type);

/** What nothing led to before stays as it was: its author may have a reason. */
function pruned(whole: DocumentNode, shown: DocumentNode, roots: Names): DocumentNode {
  const first = new Set(roots);
  for (const definition of whole.definitions)
    if (definition.kind === Kind.DIRECTIVE_DEFINITION) for (const name of namesIn(definition)) first.add(name);
  const ledTo = reach(whole, first);
  const loose = whole.definitions
    .flatMap((definition) => typeNamed(definition) ?? [])
    .filter((name) => !ledTo.has(name));
  const kept = reach(shown, [...first, ...loose]);
  const definitions = shown.definitions.filter(
    (definition) => kept.has(typeNamed(definition) ?? '') || typeNamed(definition) === null,
  );
  return { ...shown, definitions };
}

function built(document: DocumentNode, whole: GraphQLSchema, to: Report): GraphQLSchema | null {
  let sound = true;
  const fault = (position: number | undefined, message: string) => {
    sound = false;
    to.fault(position ?? 0, message);
  };
  const tell = ({ positions, message }: GraphQLError) => {
    const [, unknown] = /^Unknown type "(\w+)"/.exec(message) ?? [];
    fault(
      positions?.[0],
      unknown ? `${unknown} is @hidden, and this needs it` : `With what is @hidden left out: ${message}`,
    );
  };
  validateSDL(document).forEach(tell);
  if (!sound) return null;
  const schema = buildASTSchema(document, { assumeValidSDL: true });
  validateSchema(schema).forEach(tell);
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isInterfaceType(type) || schema.getPossibleTypes(type).length > 0) continue;
    const before = whole.getType(type.name);
    if (isInterfaceType(before) && whole.getPossibleTypes(before).length > 0)
      fault(
        type.astNode?.name.loc?.start,
        `${type.name} is an interface only of hidden types: nothing of it could be shown`,
      );
  }
  return sound ? schema : null;
}
