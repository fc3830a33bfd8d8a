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
import { reach, typeNamed, waysOf } from './reach.js';
import { withoutServerDirectives } from './server-directives.js';

type Names = ReadonlySet<string>;

/**
 * The schema that clients see: without what is `@hidden`, without fields of hidden types, without directives that no operation
 * can carry, and without types to which only these lead. Null after a fault, each of which is told with its place.
 */
export function publicSchema(document: DocumentNode, whole: GraphQLSchema, to: Report): GraphQLSchema | null {
  const { definitions } = document;
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
  const open = withoutServerDirectives({ ...document, definitions: shown });
  return built(pruned(document, open, { roots, hidden }), whole, to);
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

/** Leaves out a type that something led to which is gone, unless what is shown leads there too. */
function pruned(
  whole: DocumentNode,
  shown: DocumentNode,
  { roots, hidden }: Record<'roots' | 'hidden', Names>,
): DocumentNode {
  const [before, after] = [waysOf(whole), waysOf(shown)];
  const gone = [...before].flatMap(([from, to]) => [...to].filter((name) => !after.get(from)?.has(name)));
  const doubtful = reach(before, [...hidden, ...gone]);
  const sure = whole.definitions.flatMap((one) => typeNamed(one) ?? []).filter((name) => !doubtful.has(name));
  const directives = [...after.keys()].filter((name) => name.startsWith('@'));
  const kept = reach(after, [...roots, ...directives, ...sure]);
  const definitions = shown.definitions.filter((one) => kept.has(typeNamed(one) ?? '') || typeNamed(one) === null);
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
