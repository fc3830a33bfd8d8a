import { setTimeout as wait } from 'node:timers/promises';
import { eventsOf } from './event-stream.js';

/**
 * An EventSource as browsers have it, for Node: unlike npm's `eventsource` it keeps a lone `id:` line, as the standard
 * says, so that it comes back with the cursor of a heartbeat. A failed connection is tried again, any status but 200
 * ends it for good.
 */
export interface EventSourceOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  onOpen(): void;
  /** The data of a `next`. */
  onNext(data: string): void;
  /** The status that ended it. */
  onEnd(status: number): void;
  /** Milliseconds before the next try. A browser waits for three seconds. */
  retry(): number;
}

/** Gives back its `close`. */
export function eventSource({ url, headers, ...on }: EventSourceOptions): () => void {
  const closing = new AbortController();
  let lastEventId = '';

  async function connection(): Promise<'again' | 'over'> {
    const response = await fetch(url, {
      headers: { ...headers, accept: 'text/event-stream', ...(lastEventId ? { 'last-event-id': lastEventId } : {}) },
      signal: closing.signal,
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      on.onEnd(response.status);
      return 'over';
    }
    on.onOpen();
    for await (const { id, event, data } of eventsOf(response)) {
      // What has no data is no event, but its id counts.
      lastEventId = id ?? lastEventId;
      if (data && event === 'next') on.onNext(data);
    }
    return 'again';
  }

  void (async () => {
    while (!closing.signal.aborted) {
      if ((await connection().catch(() => 'again')) === 'over') return;
      await wait(on.retry());
    }
  })();
  return () => closing.abort();
}
