/** Web Locks, as far as they are used here. */
export interface Locks {
  request(name: string, callback: () => unknown): Promise<unknown>;
}

/** Null where a browser has none: on pages of plain http, but for localhost. */
export const webLocks = (): Locks | null =>
  (globalThis as { readonly navigator?: { readonly locks?: Locks } }).navigator?.locks ?? null;

/**
 * Holds a lock of a new name from now on, and resolves with that name once it is held. The browser gives it back when its
 * holder dies, however that happens: no message tells of a tab that was killed.
 */
export function held(locks: Locks, kind: string): Promise<{ readonly name: string; release(): void }> {
  const name = `tailrace ${kind} ${globalThis.crypto.randomUUID()}`;
  return new Promise((resolve, reject) => {
    locks.request(name, () => new Promise<void>((release) => resolve({ name, release }))).catch(reject);
  });
}

/** Calls back once whoever holds the lock is gone. */
export function whenGone(locks: Locks, name: string, gone: () => void): void {
  locks.request(name, () => gone()).catch(() => undefined);
}
