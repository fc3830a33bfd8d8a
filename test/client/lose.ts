import { expect } from 'vitest';
import type { River } from '../support/river.js';

/** Tells the log that the source lost records. */
export async function lose(r: River, missed: number | null): Promise<void> {
  const source = { cluster: 'test', topic: 'card-transactions', partition: 0 };
  const { epoch, watermark, routes } = await r.log.partition(source);
  const at = watermark ?? 0;
  const answer = await r.log.append({
    source,
    epoch,
    base: at,
    next: at,
    first: false,
    last: { offset: at - 1, timestamp: Date.now() },
    entries: [],
    gap: { reason: 'SOURCE_LOST', missed },
    routes,
    fingerprint: r.streams.fingerprint,
  });
  expect(answer.kind).toBe('appended');
}
