import { liveClient } from '../../src/client/live/index.js';
import { type SharedWorkerLike, sharedClient } from '../../src/client/shared-worker/index.js';

// What each tab of a user's application loads: shared-worker.test.ts drives it.

declare const SharedWorker: new (url: string, options: { type: 'module' }) => SharedWorkerLike;

export interface Given {
  readonly worker: string;
  /** The gateway's address. */
  readonly url: string;
  readonly viewer: string;
  readonly token: string;
  readonly goesOn?: boolean;
}

const seen = { ids: [] as number[], wrong: [] as unknown[], ready: 0, alone: 0 };
let client: ReturnType<typeof sharedClient>;

export function start({ worker, url, viewer, token, goesOn }: Given) {
  client = sharedClient({
    worker: () => new SharedWorker(worker, { type: 'module' }),
    alone: () => {
      seen.alone++;
      return liveClient({ url, token: () => token });
    },
    viewer,
    goesOn,
    token: () => token,
  });
}

export function listen() {
  return client.subscribe(
    { query: 'subscription { transaction { id } }' },
    {
      next: ({ data }) => seen.ids.push(Number((data as { transaction: { id: string } }).transaction.id)),
      error: (error) => void seen.wrong.push(String(error)),
      complete: () => void seen.wrong.push('complete'),
      gap: (gap) => void seen.wrong.push(gap),
      ready: () => void seen.ready++,
    },
  );
}

export const look = () => seen;
/** Has the worker end itself: it hears this beside its own messages. */
export const killWorker = (worker: string) =>
  (new SharedWorker(worker, { type: 'module' }).port as { postMessage(word: string): void }).postMessage('end');
