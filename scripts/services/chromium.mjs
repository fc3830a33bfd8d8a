import { existsSync } from 'node:fs';
import { Fault } from './fault.mjs';
import { ensureCommands, which } from './packages.mjs';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** The browser for the tests: CHROMIUM_PATH, or one on the PATH, or Debian's package installed when root. */
export function chromiumPath() {
  const given = process.env.CHROMIUM_PATH;
  if (given) {
    if (!existsSync(given)) throw new Fault(`CHROMIUM_PATH: there is no ${given}.`);
    return given;
  }
  const found = names.map(which).find((path) => path !== null);
  if (found) return found;
  ensureCommands([{ command: 'chromium', package: 'chromium' }], 'or CHROMIUM_PATH, for the tests in a browser.');
  return /** @type {string} */ (which('chromium'));
}
