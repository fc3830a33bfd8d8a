import type { Retention } from '../event/channel.js';
import { topicKey } from '../event/source-event.js';
import type { FieldDraft } from './directives/field.js';
import { digest } from './routes/channel-name.js';
import { type RouteDraft, routeFrom } from './routes/routes.js';
import type { Extractor, Route, StreamField, StreamSchema, TopicPlan } from './stream-schema.js';
import { Topics } from './topics.js';

/** Puts the fields together: what agrees is shared, and a channel is kept as long as any of its fields wants. */
export function assemble(fields: readonly FieldDraft[]): Pick<StreamSchema, 'topics' | 'fields' | 'fingerprint'> {
  const routes = sharedRoutes(fields);
  const routesOf = (drafts: readonly RouteDraft[]) => drafts.flatMap(({ id }) => routes.get(id) ?? []);
  const extractors = new Map<string, Extractor>();
  const extractorKey = (field: FieldDraft) => JSON.stringify([topicKey(field), field.extractor.key]);
  for (const [key, group] of groupBy(fields, extractorKey)) {
    const ids = new Set(group.flatMap((field) => field.routes.drafts.map(({ id }) => id)));
    const extractor = group[0]?.extractor;
    if (extractor !== undefined)
      extractors.set(key, {
        verbatim: extractor.verbatim,
        extract: extractor.extract,
        routes: [...ids].flatMap((id) => routes.get(id) ?? []),
      });
  }
  const plans = [...groupBy(fields, topicKey).values()].map((group): TopicPlan => {
    const { cluster, topic } = group[0] as FieldDraft;
    const keys = new Set(group.map(extractorKey));
    return { cluster, topic, format: 'JSON', extractors: [...keys].flatMap((key) => extractors.get(key) ?? []) };
  });
  const streams = fields.flatMap((field): StreamField[] => {
    const extractor = extractors.get(extractorKey(field));
    if (extractor === undefined) return [];
    const { name, cluster, topic, retention, conflation, permit, lacks, reads } = field;
    const { channels, drafts } = field.routes;
    return [
      {
        name,
        cluster,
        topic,
        extractor,
        retention,
        conflation,
        channels,
        permit,
        lacks,
        reads,
        rule: field.rule?.text ?? null,
        routes: routesOf(drafts),
        fingerprint: fingerprintOf(
          drafts.map(({ id }) => id),
          4,
        ),
      },
    ];
  });
  const fingerprint = fingerprintOf([...routes.keys()], 8);
  return { topics: new Topics(plans), fields: new Map(streams.map((field) => [field.name, field])), fingerprint };
}

/** The same for the same routes, in whatever order. */
const fingerprintOf = (ids: readonly string[], length: number) => digest([...ids].sort().join(), length);

function sharedRoutes(fields: readonly FieldDraft[]): ReadonlyMap<string, Route> {
  const wanted = new Map<string, { readonly draft: RouteDraft; readonly retention: Retention }>();
  for (const { routes, retention } of fields)
    for (const draft of routes.drafts) {
      const other = wanted.get(draft.id)?.retention ?? retention;
      const largest = { retain: Math.max(retention.retain, other.retain), max: Math.max(retention.max, other.max) };
      wanted.set(draft.id, { draft, retention: largest });
    }
  return new Map([...wanted].map(([id, { draft, retention }]) => [id, routeFrom(draft, retention)]));
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
