import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

const ticksPerSecond = 100;

/** Seconds of CPU that a process has used, as the operating system counts them: its own, and the kernel's for it. */
export function cpuOf(pid: number): { readonly user: number; readonly all: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const user = Number(fields[11]) / ticksPerSecond;
  return { user, all: user + Number(fields[12]) / ticksPerSecond };
}

/** Seconds of CPU that the whole machine has used. */
export function machineCpu(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] =
    /^cpu +(.*)/.exec(readFileSync('/proc/stat', 'utf8'))?.[1]?.split(' ').map(Number) ?? [];
  return (user + nice + system + irq + softirq) / ticksPerSecond;
}

/** Resident memory of a process, KiB. */
export const memoryOf = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

export const machine = (): string =>
  `machine: ${cpus().length} × ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB; Node ${process.version}`;

/** Microseconds of the one clock that all processes of a machine share. */
export const clock = (): number => Math.round(Number(process.hrtime.bigint()) / 1_000);

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

/** `median (lowest–highest)`. */
export const spread = (values: readonly number[], digits = 2): string =>
  `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`;

/** Counts latencies in steps of a tenth, so that histograms of several processes can be added. */
export class Histogram {
  readonly counts: number[] = [];

  add(micros: number): void {
    const step = Math.max(0, Math.ceil(Math.log(Math.max(1, micros)) / Math.log(1.1)));
    this.counts[step] = (this.counts[step] ?? 0) + 1;
  }

  /** The upper bound, in milliseconds, of the step that holds this share of all. */
  static quantile(counts: readonly (number | null | undefined)[], share: number): number {
    const total = counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
    let seen = 0;
    const step = counts.findIndex((count) => {
      seen += count ?? 0;
      return seen >= total * share;
    });
    return 1.1 ** step / 1_000;
  }
}
