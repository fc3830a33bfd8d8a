import { createContext, createElement, type ReactNode } from 'react';
import type { LiveClient, Subscriber } from '../live/subscriber.js';

export const ClientContext = createContext<Subscriber | LiveClient | null>(null);

export interface EventsProviderProps {
  /** Made once, outside of any component. */
  readonly client: Subscriber | LiveClient;
  readonly children?: ReactNode;
}

/** The client of all `useEvents` and `useConnection` below it. */
export function EventsProvider({ client, children }: EventsProviderProps) {
  return createElement(ClientContext.Provider, { value: client }, children);
}
