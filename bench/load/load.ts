import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { KindName } from '../events.js';

/** Whom the generator plays. */
export interface Crowd {
  readonly port: number;
  readonly kind: KindName;
  /** `http2`: server-sent events, many streams to a connection; only over TLS. */
  readonly transport: 'websocket' | 'sse' | 'http2';
  readonly tls: boolean;
  /** `plain` is for servers to which nothing is said: the frame is the event. */
  readonly protocol: 'graphql' | 'plain' | 'centrifugo';
  readonly clients: number;
  /** Client `c` watches subject `c % subjects`. */
  readonly subjects: number;
  /** Connections that are being opened at the same time. */
  readonly inFlight: number;
  /** The subject that the first client watches. Default 0. */
  readonly firstSubject?: number;
  /** Reads nothing more once it is subscribed. Default false. */
  readonly stalls?: boolean;
}

export interface Heard {
  readonly deliveries: number;
  /** Of another operation, out of order, twice, or after one that never came. */
  readonly wrong: number;
  /** The number of each client's newest event; only when asked by `end`. */
  readonly newest: readonly number[];
  readonly latency: readonly (number | null | undefined)[];
}

export interface Load {
  readonly pid: number;
  /** `begin` counts from zero. */
  ask(word: 'begin' | 'count' | 'end'): Promise<Heard>;
  end(): Promise<void>;
}

/** Resolves when all are subscribed, as far as a client can know. */
export async function startLoad(crowd: Crowd): Promise<Load> {
  const child = fork(new URL('./generator.ts', import.meta.url), [JSON.stringify(crowd)], {
    execArgv: ['--import', 'tsx'],
  });
  await answer(child);
  return {
    pid: child.pid as number,
    async ask(word) {
      if (!child.connected) throw ended();
      child.send(word);
      return (await answer(child)) as Heard;
    },
    async end() {
      child.removeAllListeners('exit');
      if (child.exitCode !== null) return;
      child.kill();
      await once(child, 'exit');
    },
  };
}

const ended = () => new Error('the load generator has ended: see above');

/** The generator ends itself where a server closes a connection or says something unexpected. */
function answer(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const refuse = () => reject(ended());
    child.once('exit', refuse);
    child.once('message', (message) => {
      child.off('exit', refuse);
      resolve(message);
    });
  });
}
