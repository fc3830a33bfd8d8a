import { type DestinationStream, destination } from 'pino';

/** Bytes that may wait for whoever reads. */
const most = 16 * 2 ** 20;
/** Milliseconds that an ending process waits for them. */
const lastLines = 1_000;

let shared: { readonly lines: DestinationStream; written(): Promise<void> } | null = null;

/**
 * Where all lines of this process go: stderr, since stdout belongs to a command's answer. One for all of them, so that
 * none is written into the middle of another.
 *
 * It is never waited for: into a full pipe, a line that is written before the call returns takes 100 ms in which nobody's
 * events leave, and strangers make lines by being refused. Lines that find no room are lost, and the next one says how many.
 */
export function stderr(): DestinationStream {
  shared ??= opened();
  return shared.lines;
}

/** Resolves when all lines have left, or nobody seems to read them. To be awaited before the process exits. */
export const written = async (): Promise<void> => shared?.written();

function opened() {
  const to = destination({ fd: 2, sync: false, maxLength: most });
  let waiting = false;
  let lost = 0;
  const lines = {
    write(line: string) {
      waiting = true;
      to.write(line);
    },
  };
  to.on('drop', () => lost++);
  to.on('drain', () => {
    waiting = false;
    if (lost === 0) return;
    const line = JSON.stringify({ level: 'warn', time: new Date().toISOString(), pid: process.pid, lost });
    lost = 0;
    lines.write(`${line}\n`);
  });
  async function all() {
    if (!waiting) return;
    await new Promise<void>((resolve) => {
      setTimeout(resolve, lastLines);
      to.once('drain', () => resolve());
    });
  }
  return { lines, written: all };
}
