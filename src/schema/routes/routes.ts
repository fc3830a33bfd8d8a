import type { Channel, Retention } from '../../event/channel.js';
import { type Conversion, convert } from '../cel/conversion.js';
import type { Run } from '../cel/expression.js';
import { printPath, valueAt } from '../path.js';
import type { Route, StreamField } from '../stream-schema.js';
import { type Alternative, sorted } from './alternatives.js';
import { channelName, digest, nameable } from './channel-name.js';

/** What makes two routes the same: everything in it goes into the route's id. */
export interface RouteOrigin {
  readonly cluster: string;
  readonly topic: string;
  /** `pick` and `each` in their normal form. */
  readonly extractor: string;
}

interface Place {
  readonly path: readonly string[];
  readonly conversion: Conversion;
}

/** A route without its retention, which is known only when all fields are. */
export interface RouteDraft {
  readonly id: string;
  readonly expression: string;
  readonly places: readonly Place[];
}

export interface FieldRoutes {
  readonly drafts: readonly RouteDraft[];
  readonly channels: StreamField['channels'];
}

/** The routes that a field's alternatives need, and where a viewer listens. */
export function fieldRoutes(origin: RouteOrigin, alternatives: readonly Alternative[]): FieldRoutes {
  const ways = alternatives.map(({ guards, parts }) => ({
    guards,
    parts: sorted(parts),
    draft: draft(origin, sorted(parts)),
  }));
  const drafts = [...new Map(ways.map(({ draft }) => [draft.id, draft])).values()];
  const channels: StreamField['channels'] = (args, claims) => {
    const found = new Set<Channel>();
    for (const { guards, parts, draft } of ways) {
      if (!guards.every((guard) => guard(undefined, args, claims, undefined) === true)) continue;
      // Everything is in the broadcast channel: what the others bring would only come twice.
      if (parts.length === 0) return [channelName(draft.id, [])];
      for (const values of viewersValues(parts, args, claims)) found.add(channelName(draft.id, values));
    }
    return [...found];
  };
  return { drafts, channels };
}

function draft({ cluster, topic, extractor }: RouteOrigin, parts: readonly Place[]): RouteDraft {
  const places = parts.map(({ path, conversion }) => ({ path, conversion }));
  const id = digest(
    JSON.stringify([cluster, topic, extractor, places.map(({ path, conversion }) => [path, conversion])]),
  );
  return { id, expression: places.map(({ path }) => printPath(['event', ...path])).join(' & ') || '*', places };
}

/** Empty when a value is missing, null or cannot be converted: then the rule cannot be true in this way. */
function viewersValues(parts: Alternative['parts'], args: unknown, claims: unknown): readonly (readonly string[])[] {
  let rows: readonly (readonly string[])[] = [[]];
  for (const { viewer, conversion, list } of parts) {
    const names = viewerNames(viewer, conversion, list, args, claims);
    rows = rows.flatMap((row) => names.map((name) => [...row, name]));
  }
  return rows;
}

function viewerNames(
  viewer: Run,
  conversion: Conversion,
  list: boolean,
  args: unknown,
  claims: unknown,
): readonly string[] {
  const given = viewer(undefined, args, claims, undefined);
  const values: readonly unknown[] = !list ? [given] : Array.isArray(given) ? given : [];
  return values.flatMap((value) => {
    const converted = convert[conversion](value);
    return converted === undefined ? [] : [nameable(converted, conversion)];
  });
}

export function routeFrom({ id, expression, places }: RouteDraft, retention: Retention): Route {
  const everything = channelName(id, []);
  return {
    id,
    expression,
    retention,
    channel(event) {
      // An `each` may hold nulls, which keep the places of the others and are for nobody.
      if (event === null || event === undefined) return null;
      if (places.length === 0) return everything;
      const values: string[] = [];
      for (const { path, conversion } of places) {
        const value = convert[conversion](valueAt(event, path));
        if (value === undefined) return null;
        values.push(nameable(value, conversion));
      }
      return channelName(id, values);
    },
  };
}
