import { type Audit, noAudit } from './audit.js';
import { type Logger, silent } from './logger.js';
import { type GatewayMetrics, noGatewayMetrics } from './metrics.js';

/**
 * All who are told what happens in a gateway, handed from place to place as one value: whoever comes to them later is known
 * everywhere at once. A leaf that tells one of them takes that one.
 */
export interface Observers {
  readonly metrics: GatewayMetrics;
  readonly logger: Logger;
  readonly audit: Audit;
}

/** Nobody is told anything. */
export const noObservers: Observers = { metrics: noGatewayMetrics, logger: silent, audit: noAudit };
