/** A thing the user can put right: its message is the one line to print, without a stack trace. */
export class Fault extends Error {
  /** @override */
  name = 'Fault';
}

/**
 * Ends the process with one line on standard error.
 * @param {unknown} error
 * @returns {never}
 */
export function exitWith(error) {
  console.error(error instanceof Fault ? error.message : error);
  process.exit(1);
}
