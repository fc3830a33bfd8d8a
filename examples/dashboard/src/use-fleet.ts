import { useApolloClient } from '@apollo/client/react';
import { useEffect, useState } from 'react';
import { FLEET } from './operations.js';

/**
 * The ids of all vehicles, by line; null until they are known. It listens to the whole fleet until somebody comes a
 * second time: then everybody has been there. A page whose API can list vehicles would ask that instead.
 */
export function useFleet(): readonly string[] | null {
  const apollo = useApolloClient();
  const [ids, setIds] = useState<readonly string[] | null>(null);

  useEffect(() => {
    const lines = new Map<string, string>();
    const listening = apollo.subscribe({ query: FLEET, fetchPolicy: 'no-cache' }).subscribe(({ data }) => {
      if (!data) return;
      const { id, line } = data.vehicle;
      if (!lines.has(id)) return void lines.set(id, line);
      listening.unsubscribe();
      const place = (one: string) => `${lines.get(one)} ${one}`;
      setIds([...lines.keys()].sort((a, b) => place(a).localeCompare(place(b), 'en', { numeric: true })));
    });
    return () => listening.unsubscribe();
  }, [apollo]);

  return ids;
}
