import type { Row } from './stretches.js';

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

/**
 * The rows as a table. Recovery is, for each client, the time from the beginning of the fault until it has an event that
 * was produced after it: the fault's own length counts, and so does waiting for such an event, half a second without any
 * fault. A fault that begins before everybody has recovered from the one before is charged with both. `events` counts what
 * was produced; `lost`, `told` (gone with a deleted topic, and said so) and `twice` count deliveries to clients.
 */
export function tableOf(rows: readonly Row[]): string {
  const head = ['fault', 'times', 'events', 'lost', 'told', 'twice', 'longest silence', 'recovery p50', 'p99'];
  const body = rows.map(({ what, times, events, lost, told, twice, silence, p50, p99 }) => {
    return [what, ...[times, events, lost, told, twice].map(String), ...[silence, p50, p99].map(seconds)];
  });
  const widths = head.map((_, n) => Math.max(...[head, ...body].map((row) => row[n]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, n) => (n === 0 ? cell.padEnd(widths[n] ?? 0) : cell.padStart(widths[n] ?? 0))).join(' | ')} |`;
  const rule = `| ${widths.map((width, n) => (n === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(head), rule, ...body.map(line)].join('\n');
}
