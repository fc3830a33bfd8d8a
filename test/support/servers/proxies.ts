import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { basename, join } from 'node:path';
import { mainFiles } from '../../../scripts/proxies/main-files.mjs';
import { type ProxyName, proxyPrograms } from '../../../scripts/proxies/programs.mjs';
import { freePort } from '../../../scripts/services/ports.mjs';
import { startDetached, stopOwned, tailOf } from '../../../scripts/services/processes.mjs';
import { eventually } from '../eventually.js';
import type { Identity } from './certificates.js';
import { throwAway } from './throw-away.js';

export type { ProxyName };

/** The files that are shown to users, by proxy. */
const shownFiles: Readonly<Record<ProxyName, string>> = {
  nginx: 'examples/proxies/nginx.conf',
  HAProxy: 'examples/proxies/haproxy.cfg',
  Apache: 'examples/proxies/apache.conf',
  Caddy: 'examples/proxies/Caddyfile',
  Envoy: 'examples/proxies/envoy.yaml',
};

export const everyProxy = Object.keys(shownFiles) as ProxyName[];

export interface ProxyServer extends AsyncDisposable {
  readonly name: ProxyName;
  /** Where its clients come: `https://localhost:…`. */
  readonly origin: string;
  /** That of `/graphql`. */
  readonly url: string;
  readonly wsUrl: string;
}

type Files = [shown: string, main: string, log: string];

interface Behind {
  /** Ports of 127.0.0.1: those of `gateway-1` and `gateway-2`. */
  readonly gateways: readonly [number, number];
  readonly identity: Identity;
  /** For what another file does: changes the text that is shown. */
  readonly changed?: (text: string) => string;
}

/** The file that is shown with addresses, ports and certificates of this machine, and nothing else changed. */
function here(name: ProxyName, port: number, { gateways, identity, changed = (text) => text }: Behind): string {
  return changed(readFileSync(shownFiles[name], 'utf8'))
    .replace(/gateway-([12])(:|, port_value: )4000/g, (_, n, then) => `127.0.0.1${then}${gateways[n - 1]}`)
    .replace(/(listen |bind :|\*:|0\.0\.0\.0, port_value: )443\b/g, (_, before) => `${onLoopback(before)}${port}`)
    .replaceAll('/etc/ssl/tailrace/cert-and-key.pem', identity.bothFile)
    .replaceAll('/etc/ssl/tailrace/cert.pem', identity.certFile)
    .replaceAll('/etc/ssl/tailrace/key.pem', identity.keyFile)
    .replaceAll('events.example.com', name === 'Caddy' ? `localhost:${port}` : 'localhost');
}

const onLoopback = (before: string) =>
  before.replace('listen ', 'listen 127.0.0.1:').replace('bind :', 'bind 127.0.0.1:').replace('0.0.0.0', '127.0.0.1');

/** Starts a proxy by the file that is shown, in front of two gateways; resolves when one of them answers through it. */
export async function startProxy(name: ProxyName, behind: Behind): Promise<ProxyServer> {
  const port = await freePort();
  const server = await throwAway({ name, port, start: (folder) => startIn(folder, name, port, behind) });
  return {
    name,
    origin: `https://localhost:${port}`,
    url: `https://localhost:${port}/graphql`,
    wsUrl: `wss://localhost:${port}/graphql`,
    async [Symbol.asyncDispose]() {
      // Killed, Apache and nginx would leave their workers behind.
      await server.stop();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function startIn(folder: string, name: ProxyName, port: number, behind: Behind) {
  const program = proxyPrograms()[name];
  // nginx and Apache give up root's rights, and then write here.
  chmodSync(folder, 0o755);
  // Envoy knows by the end of its name how a file is written.
  const [shown, file, log] = [basename(shownFiles[name]), 'main', 'log'].map((each) => join(folder, each)) as Files;
  writeFileSync(shown, here(name, port, behind));
  const { main, args } = mainFiles[name]({ folder, shown, port });
  writeFileSync(file, `${main}\n`);
  const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder };
  const proxy = await startDetached(program, args(file), { cwd: folder, log, env });
  await eventually(`a gateway answers through ${name}`, () => answers(port)).catch(async (error) => {
    await stopOwned(proxy);
    throw new Error(`${name} did not start. Its log ends with:\n${tailOf(log)}`, { cause: error });
  });
  return proxy;
}

/** True when a gateway answers through it. */
const answers = (port: number) =>
  new Promise<boolean>((resolve) => {
    get({ host: 'localhost', port, path: '/healthz', rejectUnauthorized: false }, ({ statusCode }) =>
      resolve(statusCode === 200),
    ).on('error', () => resolve(false));
  });
