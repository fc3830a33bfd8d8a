import {
  buildASTSchema,
  type DocumentNode,
  GraphQLError,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  isInterfaceType,
  isObjectType,
  isTypeDefinitionNode,
  parse,
  Source,
  specifiedScalarTypes,
  validateSchema,
  visit,
} from 'graphql';
import { validateSDL } from 'graphql/validation/validate.js';
import type { Retention } from '../event/channel.js';
import { topicKey } from '../event/source-event.js';
import { assemble } from './assemble.js';
import { usualScopeClaims } from './claims.js';
import { withQuery } from './complete.js';
import { refuseUntoldDefaults } from './defaults.js';
import { nobodySaid, readAccess } from './directives/access.js';
import { used, withDirectives } from './directives/directives.js';
import { draftField, type FieldDraft } from './directives/field.js';
import { attachFrom, handOn, refuseContradictions } from './directives/from.js';
import { publicSchema } from './directives/hidden.js';
import { type Problem, type Report, report } from './problem.js';
import type { Access, StreamSchema } from './stream-schema.js';
import { exactLiterals } from './whole-numbers.js';

export type { Problem } from './problem.js';

export interface CompileOptions {
  /** The name shown with problems. */
  readonly file?: string;
  /** What fields without `@history` keep. */
  readonly retention: Retention;
  /** Claims, by name or dotted path, that say a viewer's scopes. Default `scope`, `scopes`, `scp`. */
  readonly scopeClaims?: readonly string[];
}

/**
 * What one `schema.graphql` says. Pure: reads and writes nothing but its arguments. All faults are found at once,
 * each with its place; with any of them there is no schema. Warnings leave it whole.
 */
export function compileSchema(
  sdl: string,
  { file = 'schema.graphql', retention, scopeClaims = usualScopeClaims }: CompileOptions,
): { schema: StreamSchema | null; problems: Problem[] } {
  const source = new Source(sdl, file);
  const to = report(source);
  const { whole, graphql } = build(source, to);
  if (whole === null) return { schema: null, problems: to.problems() };
  const moved = attachFrom(whole, to);
  refuseContradictions(whole, moved, to);
  if (graphql !== null) {
    handOn(moved, graphql);
    refuseUntoldDefaults(graphql, to);
    exactLiterals(graphql);
  }
  const access = readAccess(whole, to);
  refuseElsewhere(whole, to);
  for (const root of [whole.getQueryType(), whole.getMutationType()]) requireAccess(root, access, to);
  const drafts: FieldDraft[] = [];
  const ephemeral = new Set<string>();
  const subscription = whole.getSubscriptionType();
  for (const field of Object.values(subscription?.getFields() ?? {})) {
    const draft = draftField(field, whole, retention, to);
    if (draft === null) ephemeral.add(field.name);
    else drafts.push(draft);
    checkField(field, draft, subscription, access, whole, to);
  }
  if (drafts.length === 0 && ephemeral.size === 0) to.warn(0, 'no field of Subscription: this schema streams nothing');
  checkFormats(drafts, to);
  const problems = to.problems();
  const refused = problems.some(({ severity }) => severity === 'fault');
  if (refused || graphql === null) return { schema: null, problems };
  return { schema: { graphql, whole, ephemeral, access, scopeClaims, ...assemble(drafts) }, problems };
}

interface Built {
  /** Null when there are faults with which no schema can be made. */
  readonly whole: GraphQLSchema | null;
  /** As clients see it; null after any fault. */
  readonly graphql: GraphQLSchema | null;
}

function build(source: Source, to: Report): Built {
  // Not told by `instanceof`: a bundler may load a second copy of graphql for the deeper path.
  const tell = ({ source: where, positions, message }: GraphQLError) =>
    to.fault(where?.name === source.name ? (positions?.[0] ?? 0) : 0, message);
  let document: DocumentNode;
  try {
    document = withQuery(withDirectives(parse(source), to));
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    tell(error);
    return { whole: null, graphql: null };
  }
  const faults = validateSDL(document);
  faults.forEach(tell);
  try {
    const schema = buildASTSchema(faults.length === 0 ? document : withUnknownTypes(document), {
      assumeValidSDL: true,
    });
    const more = validateSchema(schema);
    more.forEach(tell);
    const isSound = faults.length === 0 && more.length === 0;
    return { whole: schema, graphql: isSound ? publicSchema(document, schema, to) : null };
  } catch (error) {
    // A document with faults may be beyond building; without any, this is our own failure.
    if (faults.length === 0) throw error;
    return { whole: null, graphql: null };
  }
}

/** Types that nobody defined become scalars, so that one misspelt name does not hide all other faults. */
function withUnknownTypes(document: DocumentNode): DocumentNode {
  const defined = new Set<string>(specifiedScalarTypes.map(({ name }) => name));
  const named = new Set<string>();
  for (const definition of document.definitions)
    if (isTypeDefinitionNode(definition)) defined.add(definition.name.value);
  visit(document, { NamedType: ({ name }) => void named.add(name.value) });
  const unknown = [...named].filter((name) => !defined.has(name)).map((name) => `scalar ${name}`);
  if (unknown.length === 0) return document;
  return {
    ...document,
    definitions: [...document.definitions, ...parse(new Source(unknown.join('\n'), 'tailrace')).definitions],
  };
}

function checkField(
  field: GraphQLField<unknown, unknown>,
  draft: FieldDraft | null,
  root: GraphQLObjectType | null | undefined,
  access: ReadonlyMap<string, Access>,
  schema: GraphQLSchema,
  to: Report,
): void {
  const place = placeOf(field);
  const name = `Subscription field ${field.name}`;
  const directive = (wanted: string) => used(field.astNode?.directives, schema.getDirective(wanted));
  // A rule that could not be read may well read claims: its own fault is enough.
  const unreadable = draft !== null && draft.rule === null && directive('where') !== null;
  const readsClaims = unreadable || (draft !== null && draft.reads.claims.length > 0);
  if (root && !readsClaims && !access.has(`${root.name}.${field.name}`))
    to.fault(
      place,
      draft === null ? `${name}: ${nobodySaid}` : `${name} has no rule that reads claims, and ${nobodySaid}`,
    );
  if (draft !== null) return;
  for (const wanted of ['where', 'history', 'conflate']) {
    const found = directive(wanted);
    if (found !== null) to.fault(found.node.loc?.start ?? place, `@${wanted} needs @kafka: ${name} has no topic`);
  }
  to.warn(place, `${name} has no @kafka: it is served by a resolver, neither resumes nor promises delivery`);
}

/** A directive of streams on a field that is none would be ignored in silence. */
function refuseElsewhere(schema: GraphQLSchema, to: Report): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if ((!isObjectType(type) && !isInterfaceType(type)) || type === schema.getSubscriptionType()) continue;
    for (const field of Object.values(type.getFields()))
      for (const wanted of ['kafka', 'where', 'history', 'conflate']) {
        const found = used(field.astNode?.directives, schema.getDirective(wanted));
        if (found !== null)
          to.fault(
            found.node.loc?.start ?? 0,
            `@${wanted} belongs on fields of Subscription, not on ${type.name}.${field.name}`,
          );
      }
  }
}

function requireAccess(
  root: GraphQLObjectType | null | undefined,
  access: ReadonlyMap<string, Access>,
  to: Report,
): void {
  for (const field of Object.values(root?.getFields() ?? {}))
    if (root && !access.has(`${root.name}.${field.name}`))
      to.fault(placeOf(field), `${root.name}.${field.name}: ${nobodySaid}`);
}

function checkFormats(drafts: readonly FieldDraft[], to: Report): void {
  const first = new Map<string, FieldDraft>();
  for (const draft of drafts) {
    const topic = topicKey(draft);
    const other = first.get(topic);
    if (other === undefined) first.set(topic, draft);
    else if (other.format !== draft.format)
      to.fault(
        draft.formatPlace,
        `${draft.name} reads ${draft.topic} as ${draft.format}, ${other.name} as ${other.format}: a topic has one format`,
      );
  }
}

const placeOf = (field: GraphQLField<unknown, unknown>) => field.astNode?.name.loc?.start ?? 0;
