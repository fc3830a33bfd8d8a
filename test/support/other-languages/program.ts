import { spawn } from 'node:child_process';
import type { Program } from '../../../scripts/clients/programs.mjs';

/** Runs a loop of `examples/clients`; ended with its scope. */
export function follow({ command, args, env }: Program, { url, tokens }: { url: string; tokens: { url: string } }) {
  const ours = { EVENTS_URL: url, TOKEN_URL: tokens.url, NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1' };
  const child = spawn(command, args, { env: { ...process.env, ...ours, ...env } });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  return {
    /** What it has printed: `payment <id>`, `gap <reason> <missed>`. */
    lines: () => said.stdout.split('\n').slice(0, -1),
    complaints: () => said.stderr,
    hasEnded: () => child.exitCode !== null,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
