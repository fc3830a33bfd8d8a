import type { Observers } from '../../observe/observers.js';
import type { Group } from '../group.js';
import type { Hub } from '../hub.js';
import type { ToldParts } from './told.js';

/** What a subscription is given, for as long as it lives. */
export interface SubscriptionParts extends ToldParts {
  readonly observers: Pick<Observers, 'metrics' | 'logger'>;
  /** The subscription is in it from the first to the last moment. */
  readonly group: Group;
  readonly hub: Pick<Hub, 'heads' | 'refresh' | 'read' | 'newest' | 'gaps'> & Partial<Pick<Hub, 'twice'>>;
  /** The most entries of a channel that a rewind looks at. */
  readonly rewindScan: number;
  /** How many entries it may read when it resumes. Default: without a limit. */
  readonly replay?: number;
  /** Called once, when it leaves its group. */
  readonly onClose?: () => void;
}
