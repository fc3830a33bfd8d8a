import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../../dist/bin/tailrace.js', import.meta.url));
const root = fileURLToPath(new URL('../../', import.meta.url));

/** A real process of the built command. `until` resolves when its output has the text. */
function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TAILRACE_')));
  const child = spawn(process.execPath, [program, ...args], { cwd: root, env: { ...clean, ...env } });
  let output = { out: '', err: '' };
  const watchers = new Set<() => void>();
  for (const [name, stream] of [
    ['out', child.stdout],
    ['err', child.stderr],
  ] as const) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = { ...output, [name]: output[name] + text };
      for (const watch of watchers) watch();
    });
  }
  const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
    child.on('close', (code) => resolve({ code, ...output }));
  });
  const until = (text: string | RegExp) =>
    new Promise<RegExpMatchArray>((resolve, reject) => {
      const watch = () => {
        const found = output.out.match(text);
        if (found) resolve(found);
      };
      watchers.add(watch);
      watch();
      void ended.then(({ out, err }) => reject(new Error(`ended before it said ${text}\n${out}\n${err}`)));
    });
  return {
    child,
    ended,
    until,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function occupied() {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: () => void server.close() };
}

test('the command was built', () => {
  expect(existsSync(program), 'run `npm run build` first').toBe(true);
});

describe('tailrace', () => {
  test('help names every command and exits 0', async () => {
    const { code, out } = await run(['help']).ended;
    expect(code).toBe(0);
    for (const command of ['dev', 'gateway', 'relay', 'check', 'explain', 'token'])
      expect(out).toMatch(new RegExp(`^  ${command} `, 'm'));
  });

  test('--version is one line', async () => {
    expect(await run(['--version']).ended).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\S*\n$/),
    });
  });

  test.each([[[]], [['deploy']], [['constructor']], [['dev', '--fast']]])(
    '%j is not understood: exit 2',
    async (args) => {
      const { code, out, err } = await run(args).ended;
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(err).not.toBe('');
    },
  );

  test('all faults of the environment come at once, a line each, no stack', async () => {
    const { code, err } = await run(['gateway'], { TAILRACE_PORT: 'x', TAILRACE_PROT: '1' }).ended;
    expect(code).toBe(1);
    expect(
      err
        .trimEnd()
        .split('\n')
        .map((line) => line.split(' ')[0]),
    ).toEqual(['TAILRACE_PROT', 'TAILRACE_PORT', 'TAILRACE_CURSOR_SECRET']);
  });

  test('a gateway without a token key names the fields that are not public', async () => {
    const { code, err } = await run(['gateway'], { TAILRACE_CURSOR_SECRET: 'c' }).ended;
    expect(code).toBe(1);
    expect(err).toMatch(/^TAILRACE_AUTH_JWT_SECRET or TAILRACE_AUTH_JWKS_URL must be set: .*Subscription\.transaction/);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
  });

  test('a schema that is not there is one line', async () => {
    const { code, err } = await run(['relay'], { TAILRACE_SCHEMA: 'nowhere.graphql' }).ended;
    expect(code).toBe(1);
    expect(err).toBe('There is no schema at nowhere.graphql (ENOENT): TAILRACE_SCHEMA says where it is.\n');
  });

  test('a port in use is one clear line and exit 1', async () => {
    using taken = await occupied();
    const env = { TAILRACE_PORT: String(taken.port), TAILRACE_ADMIN_PORT: '0' };
    const { code, err } = await run(['dev'], env).ended;
    expect(code).toBe(1);
    expect(err).toBe(`Port ${taken.port} on 127.0.0.1 is in use: stop what uses it, or set TAILRACE_PORT.\n`);
  });
});
