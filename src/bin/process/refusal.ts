/** Why a command does not start: one sentence a fault, for a person who can change it. Nothing is wrong with the code. */
export class Refusal extends Error {
  override name = 'Refusal';
  readonly lines: readonly string[];
  constructor(...lines: readonly string[]) {
    super(lines.join('\n'));
    this.lines = lines;
  }
}

/** A refusal that names the port and its variable, for the errors that a listening socket gives; else the error. */
export function portRefusal(error: unknown, host: string, port: number, variable: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  const place = `Port ${port} on ${host}`;
  if (code === 'EADDRINUSE') return new Refusal(`${place} is in use: stop what uses it, or set ${variable}.`);
  if (code === 'EACCES') return new Refusal(`${place} is not allowed to this user: set ${variable} to one above 1023.`);
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return new Refusal(`${host} is no address of this machine.`);
  return error;
}
