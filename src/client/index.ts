/**
 * tailrace-client, and tailrace/client: for browsers, and for whatever else speaks graphql-ws or graphql-sse. A plain
 * `EventSource` needs nothing of it, unless something on the way answers in place of the gateway. Apollo's GraphQLWsLink and urql's subscriptionExchange take the client as it is.
 */
export { type EventSourceOptions, type ResumingEventSource, resumingEventSource } from './event-source.js';
export { resumingEvents } from './events.js';
export type { Asked, Gap, Resuming } from './operation.js';
export { type Connection, type ConnectionStatus, connectionStatus } from './status.js';
export { type TokenSource, tokenSource } from './token-source.js';
export { resumingWebSocket } from './web-socket.js';
