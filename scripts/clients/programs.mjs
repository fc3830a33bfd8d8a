import { java } from './java.mjs';
import { python } from './python.mjs';
import { rust } from './rust.mjs';

/** @typedef {{ command: string, args: readonly string[], env: Readonly<Record<string, string>> }} Program how to start one */

/**
 * The loops of examples/clients, by their language. Each fetches and builds what it needs, or throws a Fault.
 * @type {Readonly<Record<string, () => Program>>}
 */
export const programs = { python, java, rust };
