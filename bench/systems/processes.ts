import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** A server process: `line` resolves with the first line of its output that matches. */
export interface Server {
  readonly pid: number;
  line(pattern: RegExp): Promise<RegExpExecArray>;
  end(): Promise<void>;
}

const running = new Set<ChildProcess>();
// A run that fails leaves nothing behind.
process.on('exit', () => {
  for (const child of running) child.kill();
});

/** `speaks` is where it writes its log; the other stream is shown when it is an error. */
export function startServer(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
  speaks: 'stdout' | 'stderr' = 'stdout',
): Server {
  const [program = '', ...args] = command;
  const stdio: SpawnOptions['stdio'] =
    speaks === 'stdout' ? ['ignore', 'pipe', 'inherit'] : ['ignore', 'ignore', 'pipe'];
  // Libraries skip checks for developers in production; so it is for all alike.
  const env = { PATH: process.env.PATH, NODE_ENV: 'production', ...environment };
  const child: ChildProcess = spawn(program, args, { stdio, env });
  running.add(child);
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child[speaks] as Readable }).on('line', (line) => {
    // A server that has started may say a lot.
    if (lines.length < 1_000) lines.push(line);
    for (const look of waiting) look();
  });
  child.once('exit', () => {
    running.delete(child);
    for (const look of waiting) look();
  });
  return {
    pid: child.pid as number,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = lines.map((line) => pattern.exec(line)).find((match) => match !== null);
          if (found) resolve(found);
          else if (child.exitCode !== null) reject(new Error(`${command.join(' ')} ended:\n${lines.join('\n')}`));
          else return;
          waiting.delete(look);
        };
        waiting.add(look);
        look();
      }),
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** A file of this benchmark, in a process of its own. */
export const script = (path: string): string[] => [
  process.execPath,
  '--import',
  'tsx',
  new URL(path, import.meta.url).pathname,
];
