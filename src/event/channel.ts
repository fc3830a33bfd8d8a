/**
 * Where an event can be heard: a short ASCII string without spaces. Only `schema/routes.ts` makes one, so that no
 * value made by a user reaches Redis unescaped.
 */
export type Channel = string & { readonly __brand: 'Channel' };

/** How much of a channel the log keeps: the largest wish of all fields that share it. */
export interface Retention {
  /** Milliseconds an entry can be resumed from. */
  readonly retain: number;
  /** The most entries kept. */
  readonly max: number;
}
