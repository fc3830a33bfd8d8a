/** tailrace-client/live: one client for all that stands on it, in one call. Needs graphql-ws. */
export { type LiveOptions, liveClient } from './live-client.js';
export type { LiveClient, Request, Result, Sink, Subscriber } from './subscriber.js';
