import { written } from '../../observe/stderr.js';
import type { Terminal } from './command.js';
import { Refusal } from './refusal.js';

const terminal: Terminal = {
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
};

/**
 * Runs what a process is for and ends the process with its exit code: 1 for a Refusal, a line each, and for a failure;
 * 2 for arguments nobody understands. Everything written has reached the pipe by then, and a connection that was left
 * open keeps nothing alive.
 */
export async function runProcess(run: (terminal: Terminal) => Promise<number>): Promise<void> {
  const code = await run(terminal).catch(failed);
  await written();
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
}

/** What is wrong with the arguments, when that is what the error says. */
export function notUnderstood(error: unknown): string | null {
  if (!(error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'))) return null;
  return error.message.split('\n', 1)[0] ?? null;
}

function failed(error: unknown): number {
  if (error instanceof Refusal) {
    for (const line of error.lines) terminal.err(line);
    return 1;
  }
  const misread = notUnderstood(error);
  if (misread !== null) {
    terminal.err(misread);
    return 2;
  }
  const message = error instanceof Error ? error.message : String(error);
  terminal.err(`tailrace failed: ${message}`);
  // A stack is for whoever mends Tailrace, not for whoever runs it.
  if (process.env.TAILRACE_LOG_LEVEL === 'debug' && error instanceof Error && error.stack) terminal.err(error.stack);
  return 1;
}
