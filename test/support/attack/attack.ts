import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('./hostile-client.ts', import.meta.url));

/** How often an attacker met with what. */
export type Met = Readonly<Record<string, number>>;

export interface Attack extends AsyncDisposable {
  begin(): void;
  /** Resolves with all that it met with, once what it has begun is over. */
  stop(): Promise<Met>;
}

/**
 * An attack from a process of its own; resolves when it is ready, and begins with `begin`. It runs at the lowest priority: who means harm
 * has machines of their own, and what they take of the two cores here would be counted as what the gateway is slowed by.
 */
export async function attack(kind: string, url: string, amount: number): Promise<Attack> {
  const child = spawn(process.execPath, ['--import', 'tsx', program, kind, url, String(amount)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  setPriority(child.pid as number, constants.priority.PRIORITY_LOW);
  const ended = once(child, 'close');
  let told = '';
  await new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (words: string) => {
      told += words;
      if (told.includes('ready\n')) resolve();
    });
    void ended.then(() => reject(new Error(`${kind} ended before it was ready`)));
  });
  return {
    begin: () => void child.stdin.write('begin\n'),
    async stop() {
      child.stdin.end();
      await ended;
      return JSON.parse(told.slice(told.indexOf('{'))) as Met;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
