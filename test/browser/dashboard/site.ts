import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tokenFor } from '../../support/river.js';

const example = fileURLToPath(new URL('../../../examples/dashboard/', import.meta.url));
const types: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

/** `vite build` of the example; with `development` by the React of development, whose StrictMode mounts everything twice. */
function build(outDir: string, base: string, env: 'production' | 'development') {
  const vite = fileURLToPath(new URL('./bin/vite.js', import.meta.resolve('vite/package.json')));
  const args = ['build', '--outDir', outDir, '--base', base, '--mode', env, '--logLevel', 'warn'];
  const { status, stderr } = spawnSync(process.execPath, [vite, ...args], {
    cwd: example,
    encoding: 'utf8',
    env: { ...process.env, NODE_ENV: env },
  });
  if (status !== 0) throw new Error(`vite build failed:\n${stderr}`);
}

export interface Site extends AsyncDisposable {
  readonly port: number;
  /** How many tokens a user has asked for. */
  tokens(user: string): number;
}

/** What serves the page and signs its tokens: the built example at `/`, and at `/strict/` the one of development. */
export async function site(lifeOf: (user: string) => number): Promise<Site> {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-dashboard-'));
  build(join(folder, 'production'), '/', 'production');
  build(join(folder, 'development'), '/strict/', 'development');
  const asked = new Map<string, number>();

  const server = createServer(async ({ url = '/' }, response) => {
    const { pathname, searchParams } = new URL(url, 'http://site');
    if (pathname === '/token') {
      const user = searchParams.get('user') ?? '';
      asked.set(user, (asked.get(user) ?? 0) + 1);
      return response.end(await tokenFor({ sub: user }, lifeOf(user)));
    }
    const path = pathname.endsWith('/') ? `${pathname}index.html` : pathname;
    const file = path.startsWith('/strict/') ? path.replace('/strict', 'development') : `production${path}`;
    if (!existsSync(join(folder, file))) return response.writeHead(404).end();
    response.setHeader('content-type', types[extname(file)] ?? 'application/octet-stream');
    response.end(readFileSync(join(folder, file)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    tokens: (user) => asked.get(user) ?? 0,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    },
  };
}
