import { type GraphQLField, type GraphQLSchema, Kind, type StringValueNode } from 'graphql';
import type { Retention } from '../../event/channel.js';
import { defaultCluster, type TopicName } from '../../event/source-event.js';
import { inputType, objectOf } from '../cel/types.js';
import { parseDuration } from '../duration.js';
import { type Report, type Say, sayIn } from '../problem.js';
import { alternativesOf } from '../routes/alternatives.js';
import { type FieldRoutes, fieldRoutes } from '../routes/routes.js';
import type { Conflation } from '../stream-schema.js';
import { conflationOf } from './conflate.js';
import { argument, argumentPlace, type Used, used } from './directives.js';
import { compileExtractor, type ExtractorDraft, verbatimExtractor } from './extractor.js';
import { recordTypes } from './record-type.js';
import { compileRule, lacksNothing, nothingRead, permitAll, type Rule } from './rule.js';

/** A subscription field with `@kafka`, before the fields are put together. */
export interface FieldDraft extends TopicName {
  readonly name: string;
  /** As written, with its place: fields of one topic have to agree. */
  readonly format: string;
  readonly formatPlace: number;
  readonly extractor: ExtractorDraft;
  readonly rule: Rule | null;
  readonly reads: Rule['reads'];
  readonly permit: Rule['permit'];
  readonly lacks: Rule['lacks'];
  readonly retention: Retention;
  readonly conflation: Conflation | null;
  readonly routes: FieldRoutes;
}

/** Null without `@kafka`. Every fault of the field is said; what is returned then only helps to find more. */
export function draftField(
  field: GraphQLField<unknown, unknown>,
  schema: GraphQLSchema,
  retention: Retention,
  to: Report,
): FieldDraft | null {
  const find = (name: string) => used(field.astNode?.directives, schema.getDirective(name));
  const kafka = find('kafka');
  if (kafka === null) return null;
  const topic = topicOf(kafka, to);
  const cluster = clusterOf(kafka, to);
  const extractor = extractorOf(kafka, to);
  const where = find('where');
  const rule = where === null ? null : ruleOf(where, field, schema, to);
  const alternatives = rule === null ? [{ guards: [], parts: [] }] : alternativesOf(rule.expr);
  return {
    name: field.name,
    cluster,
    topic,
    ...formatOf(kafka, to),
    extractor,
    rule,
    reads: rule?.reads ?? nothingRead,
    permit: rule?.permit ?? permitAll,
    lacks: rule?.lacks ?? lacksNothing,
    conflation: conflationOf(find('conflate'), field, schema, to),
    retention: retentionOf(find('history'), retention, to),
    routes: fieldRoutes({ cluster, topic, extractor: extractor.key }, alternatives),
  };
}

function clusterOf(kafka: Used, to: Report): string {
  const cluster = argument(kafka, 'cluster', to);
  if (cluster !== undefined && cluster !== defaultCluster)
    to.fault(
      argumentPlace(kafka, 'cluster'),
      `the cluster ${JSON.stringify(cluster)} is unknown: several clusters are not built yet, there is "${defaultCluster}"`,
    );
  return defaultCluster;
}

function topicOf(kafka: Used, to: Report): string {
  const topic = argument(kafka, 'topic', to);
  if (typeof topic !== 'string') return '';
  if (!/^[A-Za-z0-9._-]{1,249}$/.test(topic) || topic === '.' || topic === '..')
    to.fault(
      argumentPlace(kafka, 'topic'),
      `${JSON.stringify(topic)} is no name of a topic: up to 249 of A-Z a-z 0-9 . _ -`,
    );
  return topic;
}

function formatOf(kafka: Used, to: Report): Pick<FieldDraft, 'format' | 'formatPlace'> {
  const value = argument(kafka, 'format', to);
  const formatPlace = argumentPlace(kafka, 'format');
  if (value !== undefined && value !== 'JSON')
    to.fault(formatPlace, `the format ${String(value)} is not built yet: there is JSON`);
  const written = kafka.node.arguments?.find(({ name }) => name.value === 'format')?.value;
  return { format: written !== undefined && 'value' in written ? String(written.value) : 'JSON', formatPlace };
}

function extractorOf(kafka: Used, to: Report): ExtractorDraft {
  const pick = literal(kafka, 'pick', to);
  const each = literal(kafka, 'each', to);
  if (pick !== null && each !== null)
    to.fault(
      argumentPlace(kafka, 'each'),
      'pick takes the one event out of a record, each takes many: only one of them can be said',
    );
  const draft =
    each !== null
      ? compileExtractor('each', each.value, sayIn(each, to))
      : pick !== null
        ? compileExtractor('pick', pick.value, sayIn(pick, to))
        : null;
  return draft ?? verbatimExtractor;
}

function ruleOf(where: Used, field: GraphQLField<unknown, unknown>, schema: GraphQLSchema, to: Report): Rule | null {
  const text = literal(where, 'rule', to);
  return text === null ? null : fieldRule(text.value, field, schema, sayIn(text, to));
}

/** The rule of a field, against the field's own types. */
export function fieldRule(
  text: string,
  field: GraphQLField<unknown, unknown>,
  schema: GraphQLSchema,
  say: Say,
): Rule | null {
  const args = objectOf(
    `the arguments of ${field.name}`,
    new Map(field.args.map(({ name, type }) => [name, () => inputType(type)])),
  );
  return compileRule(text, recordTypes(schema).of(field.type), args, say);
}

function retentionOf(history: Used | null, defaults: Retention, to: Report): Retention {
  if (history === null) return defaults;
  const written = argument(history, 'retain', to);
  const retain = typeof written === 'string' ? parseDuration(written) : defaults.retain;
  if (retain === null)
    to.fault(
      argumentPlace(history, 'retain'),
      `${JSON.stringify(written)} is no duration: write 250ms, 30s, 10m or 1h`,
    );
  const max = argument(history, 'max', to);
  if (typeof max === 'number' && max < 1) to.fault(argumentPlace(history, 'max'), 'at least one event is kept');
  return { retain: retain ?? defaults.retain, max: typeof max === 'number' ? max : defaults.max };
}

/** An argument that holds CEL, as its literal: problems inside it are told by place. */
function literal(directive: Used, name: string, to: Report): StringValueNode | null {
  const given = directive.node.arguments?.find((candidate) => candidate.name.value === name);
  if (given === undefined || typeof argument(directive, name, to) !== 'string') return null;
  return given.value.kind === Kind.STRING ? given.value : null;
}
