import type { Locks } from '../../../src/client/shared-worker/lifetime.js';

/** Web Locks of one origin: whoever asks for a name waits until it is free. */
export function webLocks(): Locks {
  const free = new Map<string, Promise<unknown>>();
  return {
    request(name, callback) {
      const turn = (free.get(name) ?? Promise.resolve()).then(callback);
      free.set(name, turn);
      return turn;
    },
  };
}
