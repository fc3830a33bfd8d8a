import { z } from 'zod';
import type { Reached } from './record-batch.js';

// Of a fraction Kafka cannot be asked: a partition whose log lost something would wait for ever.
const words = z.object({
  timestamp: z.int(),
  lag: z.int(),
  topicId: z.string().nullable().default(null),
  leaderEpoch: z.int().default(-1),
});

/** What a relay keeps with an offset that it commits, as text. */
export function said(newest: Reached | null): string {
  if (newest === null) return '';
  const { offset: _, ...rest } = newest;
  return JSON.stringify(rest);
}

/** What was said with a committed offset; null when nothing was, or by somebody else. */
export function heard(offset: number, metadata: string | null | undefined): Reached | null {
  try {
    const parsed = words.safeParse(JSON.parse(metadata ?? ''));
    return parsed.success ? { offset, ...parsed.data } : null;
  } catch {
    return null;
  }
}
