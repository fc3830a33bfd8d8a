// npm start [-- arguments of tailrace dev]: works on a fresh clone.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { prepare } from './project/prepare.mjs';
import { exitWith } from './services/fault.mjs';
import { root } from './services/places.mjs';

try {
  prepare();
} catch (error) {
  exitWith(error);
}

// In a process group of its own: Ctrl-C would otherwise reach it three times, from the terminal, from npm and from
// here, and a second signal ends it at once instead of in order.
const dev = spawn(process.execPath, [join(root, 'dist/bin/tailrace.js'), 'dev', ...process.argv.slice(2)], {
  stdio: 'inherit',
  detached: true,
});

let last = 0;
/** @param {NodeJS.Signals} signal */
const forward = (signal) => {
  // The terminal's and npm's copies of one key press come together.
  if (performance.now() - last < 300 && last !== 0) return;
  last = performance.now();
  dev.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal);
};
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) process.on(signal, forward);

// A signal to npm ends npm's shell and never comes here: without its parent, dev is told to stop.
const parent = process.ppid;
const watch = setInterval(() => {
  if (process.env.npm_lifecycle_event === undefined || process.ppid === parent) return;
  clearInterval(watch);
  forward('SIGTERM');
}, 500).unref();

dev.once('exit', (code, signal) => {
  process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
});
dev.once('error', exitWith);
