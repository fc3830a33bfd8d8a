/** tailrace-client/react: the events of a subscription as a component shows them. For React 18 and 19. */
export type { Document, EventOf } from '../live/document.js';
export type { SubscriptionError } from '../live/failure.js';
export type { LiveClient, Subscriber } from '../live/subscriber.js';
export { EventsProvider, type EventsProviderProps } from './client-context.js';
export { type EventOptions, type EventStore, eventStore, type Gathered } from './event-store.js';
export { useConnection } from './use-connection.js';
export { type Events, type UseEventsOptions, useEvents } from './use-events.js';
