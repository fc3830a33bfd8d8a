/**
 * Where an event can be heard: a short ASCII string without spaces. Only `src/schema/routes/channel-name.ts` makes one, so
 * that no value made by a user reaches Redis unescaped. It begins with the id of its route, and has a colon before each value.
 */
export type Channel = string & { readonly __brand: 'Channel' };

/** The id of the route that a channel belongs to. No id has a colon in it. */
export const routeOf = (channel: Channel): string => channel.split(':', 1)[0] as string;

/** How much of a channel the log keeps: the largest wish of all fields that share it. */
export interface Retention {
  /** Milliseconds an entry can be resumed from. */
  readonly retain: number;
  /** The most entries kept. */
  readonly max: number;
}
