import { readConfig } from '../../config/read.js';
import { serviceLinks } from '../../config/service-links.js';
import type { Command } from '../../config/variable.js';
import type { Config, Environment } from '../../config/variables.js';
import type { Logger } from '../../observe/logger.js';
import { Refusal } from './refusal.js';

export type Print = (line: string) => void;

/** Where a command writes: its answer on `out`, everything about it on `err`. */
export interface Terminal {
  readonly out: Print;
  readonly err: Print;
}

/** Runs one command to its end; resolves with the exit code. Throws Refusal for what the user can change. */
export type Run = (args: readonly string[], env: Environment, terminal: Terminal) => Promise<number>;

/** The command's configuration, or a Refusal with every fault. */
export function configOf<C extends Command>(env: Environment, command: C): Config<C> {
  const read = readConfig(env, command);
  if ('faults' in read) throw new Refusal(...read.faults);
  return read.config;
}

/** One line for those variables that Kubernetes has set, and nobody reads. */
export function tellServiceLinks(env: Environment, logger: Logger): void {
  const passedOver = serviceLinks(env);
  if (passedOver.length === 0) return;
  logger.info(
    { passedOver },
    'Kubernetes tells of Services by variables that are no settings: they are passed over; enableServiceLinks: false in the pod keeps them away',
  );
}
