import type { Logger } from '../observe/logger.js';
import type { GatewayMetrics } from '../observe/metrics.js';

/** Causes that are remembered as told. Rules have few, but which of them hold together, clients may choose. */
const mostTold = 1_000;

/**
 * Counts subscriptions to which no event can come, and tells each cause once: a stream that is silent because its token
 * lacks a claim looks like one where nothing happens. It is not refused: the next token may have the claim.
 */
export function hopelessTeller(metrics: Pick<GatewayMetrics, 'hopeless'>, logger: Logger) {
  const told = new Set<string>();
  return (field: string, lacks: readonly string[]): void => {
    const cause = lacks.join(' ');
    metrics.hopeless(field, cause);
    const key = `${field} ${cause}`;
    if (told.has(key) || told.size >= mostTold) return;
    told.add(key);
    logger.warn({ field, lacks }, 'no event can come to a subscription: its rule needs other claims or arguments');
  };
}
