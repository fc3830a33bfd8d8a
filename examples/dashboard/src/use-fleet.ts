import { useApolloClient } from '@apollo/client/react';
import { useEffect, useState } from 'react';
import { FLEET } from './operations.js';

/**
 * The ids of all vehicles, in order; empty until they are known. It listens to the whole fleet until somebody comes a
 * second time: then everybody has been there. A page whose API can list vehicles would ask that instead.
 */
export function useFleet(): readonly string[] {
  const apollo = useApolloClient();
  const [ids, setIds] = useState<readonly string[]>([]);

  useEffect(() => {
    const seen = new Set<string>();
    const listening = apollo.subscribe({ query: FLEET, fetchPolicy: 'no-cache' }).subscribe(({ data }) => {
      if (!data) return;
      const { id } = data.vehicle;
      if (!seen.has(id)) return void seen.add(id);
      listening.unsubscribe();
      setIds([...seen].sort((a, b) => a.localeCompare(b, 'en', { numeric: true })));
    });
    return () => listening.unsubscribe();
  }, [apollo]);

  return ids;
}
