import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { eventsOf } from '../support/clients/event-stream.js';
import type { Result } from '../support/river.js';
import { forgetClock } from '../support/servers/clock.js';

export const program = fileURLToPath(new URL('../../dist/bin/tailrace.js', import.meta.url));
const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * A real process of a built command; with the `env` of a `testClock` in its own it runs by that clock. `until` resolves
 * when it wrote the text, to stdout or stderr.
 */
export function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd = root,
  entry = 'tailrace',
) {
  const script = entry === 'tailrace' ? program : program.replace('tailrace.js', `${entry}.js`);
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TAILRACE_')));
  const child = spawn(process.execPath, [script, ...args], { cwd, env: { ...clean, ...env } });
  let output = { out: '', err: '' };
  const watchers = new Set<() => void>();
  for (const [name, stream] of [
    ['out', child.stdout],
    ['err', child.stderr],
  ] as const) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = { ...output, [name]: output[name] + text };
      for (const watch of watchers) watch();
    });
  }
  const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
    child.on('close', (code) => {
      forgetClock(child.pid as number);
      resolve({ code, ...output });
    });
  });
  const until = (text: string | RegExp) =>
    new Promise<RegExpMatchArray>((resolve, reject) => {
      const watch = () => {
        const found = `${output.out}${output.err}`.match(text);
        if (found) resolve(found);
      };
      watchers.add(watch);
      watch();
      void ended.then(({ out, err }) => reject(new Error(`ended before it said ${text}\n${out}\n${err}`)));
    });
  return {
    child,
    ended,
    until,
    /** What it has written to stderr so far. */
    log: () => output.err,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** The first events of a subscription over SSE, as curl would show them. */
export async function firstEvents(address: string, query: string, count: number, headers: Record<string, string> = {}) {
  const response = await fetch(`${address}/graphql/stream`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...headers },
    body: JSON.stringify({ query }),
    // Bounded, so that a stream without events fails with a reason and not with the test's own time limit.
    signal: AbortSignal.timeout(30_000),
  });
  const found: Result[] = [];
  for await (const { data } of eventsOf(response)) {
    if (data) found.push(JSON.parse(data));
    if (found.length === count) return found;
  }
  throw new Error(`the stream ended after ${JSON.stringify(found)}`);
}
