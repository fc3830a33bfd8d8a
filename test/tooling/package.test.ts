import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): unknown => JSON.parse(readFileSync(join(root, path), 'utf8'));

const named = z.record(z.string(), z.string());
const manifest = z
  .object({
    engines: z.object({ node: z.string() }),
    bin: named,
    exports: z.record(z.string(), z.object({ types: z.string(), default: z.string() })),
    dependencies: named,
  })
  .parse(read('package.json'));
const locked = z
  .object({
    packages: z.record(
      z.string(),
      z.object({
        dev: z.boolean().optional(),
        deprecated: z.string().optional(),
        engines: z.object({ node: z.string().optional() }).optional(),
      }),
    ),
  })
  .parse(read('package-lock.json'));

const packed = z.array(z.object({ files: z.array(z.object({ path: z.string() })) }));
let files: readonly string[] = [];
/** A project that has Tailrace installed. */
let project: string;

beforeAll(() => {
  const { stdout } = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
  });
  files = packed.parse(JSON.parse(stdout)).flatMap((one) => one.files.map(({ path }) => path));
  project = mkdtempSync(join(tmpdir(), 'tailrace-project-'));
  mkdirSync(join(project, 'node_modules'));
  symlinkSync(root, join(project, 'node_modules/tailrace'));
  symlinkSync(join(root, 'node_modules/@types'), join(project, 'node_modules/@types'));
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
}, 120_000);
afterAll(() => rmSync(project, { recursive: true }));

const local = (path: string) => path.replace(/^\.\//, '');

describe('the package', () => {
  test('has the command, both ways in for code, the sample, and what a person reads', () => {
    const promised = [...Object.values(manifest.bin), ...Object.values(manifest.exports).flatMap(Object.values)];
    expect(files).toEqual(expect.arrayContaining(promised.map(local)));
    const sample = ['schema.graphql', 'resolvers.mjs', 'rules.yaml'];
    expect(files).toEqual(expect.arrayContaining([...sample, 'README.md', 'PROTOCOL.md', 'CHANGELOG.md', 'LICENSE']));
  });

  test('has nothing of the tests, the benchmarks, or maps of sources that are not in it', () => {
    expect(files.filter((path) => !/^(dist\/.+(\.js|\.d\.ts)|[^/]+)$/.test(path))).toEqual([]);
  });

  test('imports nothing that only development has', () => {
    const imported = files
      .filter((path) => path.endsWith('.js'))
      .flatMap((path) => [
        ...readFileSync(join(root, path), 'utf8').matchAll(/^(?:import|export) (?:.* from )?'([^'.][^']*)';$/gm),
      ])
      .map(([, name = '']) => name)
      .filter((name) => !name.startsWith('node:') && !builtinModules.includes(name))
      .map((name) => name.split('/', name.startsWith('@') ? 2 : 1).join('/'));
    expect([...new Set(imported)].filter((name) => !(name in manifest.dependencies))).toEqual([]);
  });
});

describe('whoever installs it', () => {
  /** The oldest Node that a range like `^18.18 || >=20.9` allows, as a number to compare by; parts of it that are no bounds count as any. */
  const oldest = (range: string): number =>
    Math.min(
      ...range.split('||').map((part) => {
        const [, major = '0', minor = '0'] = /(\d+)(?:\.(\d+))?/.exec(part) ?? [];
        return Number(major) * 1_000 + Number(minor);
      }),
    );
  const dependencies = Object.entries(locked.packages).filter(([path, { dev }]) => path !== '' && !dev);

  test('has no dependency that asks for a newer Node than we do', () => {
    const asked = dependencies.filter(([, { engines }]) => oldest(engines?.node ?? '') > oldest(manifest.engines.node));
    expect(asked.map(([path, { engines }]) => `${path} ${engines?.node}`)).toEqual([]);
  });

  test('is warned of no deprecated dependency', () => {
    expect(dependencies.filter(([, { deprecated }]) => deprecated !== undefined)).toEqual([]);
  });
});

const program = `
  import { createGateway, type GatewayOptions } from 'tailrace';
  import { resumingEvents, resumingWebSocket } from 'tailrace/client';
  const options: GatewayOptions = { schema: '', auth: { secrets: ['k'] }, cursorSecrets: ['c'], trustedHops: 1 };
  export const port: Promise<number> = createGateway(options).listen(0, '127.0.0.1');
  // @ts-expect-error There is no such option.
  createGateway({ ...options, trustedHop: 1 });
  export { resumingEvents, resumingWebSocket };`;

describe('a project of TypeScript', () => {
  test.each([
    ['nodenext', 'nodenext'],
    ['bundler', 'esnext'],
  ])('finds the types of both ways in by moduleResolution %s', (moduleResolution, module) => {
    writeFileSync(join(project, 'program.ts'), program);
    const compilerOptions = {
      moduleResolution,
      module,
      target: 'es2023',
      strict: true,
      noEmit: true,
      skipLibCheck: true,
    };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts'] }));
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', project], { encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, '']);
  });

  test('finds them when it runs, too', () => {
    const lines = "await import('tailrace'); await import('tailrace/client'); console.log('found')";
    const node = spawnSync(process.execPath, ['--input-type=module', '-e', lines], { cwd: project, encoding: 'utf8' });
    expect([node.stdout, node.stderr]).toEqual(['found\n', '']);
  });
});

test('the sample producer is where npm run sample starts it', () => {
  const { scripts } = z.object({ scripts: named }).parse(read('package.json'));
  expect(existsSync(join(root, scripts.sample?.split(' ').at(-1) ?? ''))).toBe(true);
});
