import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { Fault } from '../services/fault.mjs';
import { which } from '../services/packages.mjs';
import { cacheFolder } from '../services/places.mjs';
import { example } from './example.mjs';

/** @returns {import('./programs.mjs').Program} */
export function rust() {
  // Debian's may be older than the edition that the program is written in.
  if (which('cargo') === null)
    throw new Fault('Missing: cargo of Rust 1.85 or later (rustup), for the client in Rust.');
  const target = join(cacheFolder, 'client-rust');
  const build = ['build', '--quiet', '--locked', '--manifest-path', example('rust/Cargo.toml'), '--target-dir', target];
  try {
    execFileSync('cargo', build, { stdio: 'pipe', encoding: 'utf8', timeout: 10 * 60_000 });
  } catch (error) {
    const { stderr = '' } = /** @type {{ stderr?: string }} */ (error);
    throw new Fault(`cargo could not build the client in Rust: ${stderr.trim() || error}`);
  }
  return { command: join(target, 'debug/payments'), args: [], env: {} };
}
