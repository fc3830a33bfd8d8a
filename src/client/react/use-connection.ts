import { useCallback, useContext, useSyncExternalStore } from 'react';
import type { LiveClient, Subscriber } from '../live/subscriber.js';
import type { Connection } from '../status.js';
import { ClientContext } from './client-context.js';

/** How the connection of the provider's client is, for an indicator; null where that client does not tell it. */
export function useConnection(): Connection | null {
  return useConnectionOf(useContext(ClientContext));
}

export function useConnectionOf(client: Subscriber | LiveClient | null): Connection | null {
  const status = client && 'connection' in client ? client.connection : null;
  const subscribe = useCallback((listener: () => void) => status?.subscribe(listener) ?? (() => {}), [status]);
  return useSyncExternalStore(
    subscribe,
    () => status?.current ?? null,
    () => null,
  );
}
