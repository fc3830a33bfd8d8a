import { destination } from 'pino';

/** Bytes that may wait for whoever reads. */
const most = 16 * 2 ** 20;

let shared: ReturnType<typeof destination> | null = null;

/**
 * Where all lines of this process go: stderr, since stdout belongs to a command's answer. One for all of them, so that
 * none is written into the middle of another.
 *
 * It is never waited for: into a full pipe, a line that is written before the call returns takes 100 ms in which nobody's
 * events leave, and strangers make lines by being refused. What waits is written when the process exits. Lines that find
 * no room are lost, and the next one says how many.
 */
export function stderr(): ReturnType<typeof destination> {
  if (shared) return shared;
  const lines = destination({ fd: 2, sync: false, maxLength: most });
  let lost = 0;
  lines.on('drop', () => lost++);
  lines.on('drain', () => {
    if (lost === 0) return;
    lines.write(`${JSON.stringify({ level: 'warn', time: new Date().toISOString(), pid: process.pid, lost })}\n`);
    lost = 0;
  });
  shared = lines;
  return lines;
}
