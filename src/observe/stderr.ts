import { writeSync } from 'node:fs';
import { type DestinationStream, destination } from 'pino';

/** Bytes that may wait for whoever reads. */
const most = 16 * 2 ** 20;
/**
 * Milliseconds in which lines gather, and characters that leave at once. A write of its own for each line took more than
 * making it: 65 µs, and a thread that is woken, for each connection that the audit log tells of.
 */
const gathering = 20;
const enough = 16_384;
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
  let gathered = '';
  let timer: NodeJS.Timeout | undefined;
  let waiting = false;
  let lost = 0;
  function leave() {
    clearTimeout(timer);
    timer = undefined;
    if (gathered === '') return;
    const lines = gathered;
    gathered = '';
    waiting = true;
    to.write(lines);
  }
  const lines = {
    write(line: string) {
      gathered += line;
      if (gathered.length >= enough) leave();
      else timer ??= setTimeout(leave, gathering);
    },
  };
  to.on('drop', (dropped: string) => {
    lost += dropped.split('\n').length - 1;
  });
  to.on('drain', () => {
    waiting = false;
    if (lost === 0) return;
    const line = JSON.stringify({ level: 'warn', time: new Date().toISOString(), pid: process.pid, lost });
    lost = 0;
    lines.write(`${line}\n`);
    leave();
  });
  // A process that fails, or is told twice to end, waits for nobody.
  process.on('exit', () => {
    if (waiting || gathered === '') return;
    try {
      writeSync(2, gathered);
    } catch {}
  });
  async function all() {
    leave();
    const end = performance.now() + lastLines;
    while (waiting && performance.now() < end) {
      await new Promise<void>((resolve) => {
        setTimeout(resolve, end - performance.now());
        to.once('drain', () => resolve());
      });
    }
  }
  return { lines, written: all };
}
