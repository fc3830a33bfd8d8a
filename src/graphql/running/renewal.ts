import type { Viewer } from '../viewer.js';
import type { Running } from './running.js';

/** Either is called, once. */
export interface Renewal {
  /** From this turn on only the new claims count. */
  commit(): void;
  abandon(): void;
}

const nothing = () => {};

export const unchanged: Renewal = { commit: nothing, abandon: nothing };

export const endsWith = (commit: () => void): Renewal => ({ commit, abandon: nothing });

/** One connection with a token: a socket with its operations, or a stream of server-sent events. */
export interface Connected {
  viewer: Viewer;
  /** What runs on it now. Whatever joins later was opened for `viewer`. */
  readonly running: () => Iterable<Running>;
}

/**
 * Puts all operations of a connection under another viewer's claims in one turn, or none of them: half renewed, a page
 * would show two truths. Throws Fault UNAVAILABLE, and then nothing has changed.
 */
export async function renewAll(connected: Connected, viewer: Viewer): Promise<void> {
  const renewals = new Map<Running, Renewal>();
  try {
    // While one was waited for, others may have begun with the old claims.
    for (let fresh = [...connected.running()]; fresh.length > 0; ) {
      const outcomes = await Promise.allSettled(fresh.map((operation) => operation.renew(viewer)));
      for (const [at, outcome] of outcomes.entries()) {
        if (outcome.status === 'fulfilled') renewals.set(fresh[at] as Running, outcome.value);
      }
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed) throw failed.reason;
      fresh = [...connected.running()].filter((operation) => !renewals.has(operation));
    }
  } catch (error) {
    for (const renewal of renewals.values()) renewal.abandon();
    throw error;
  }
  connected.viewer = viewer;
  for (const renewal of renewals.values()) renewal.commit();
}
