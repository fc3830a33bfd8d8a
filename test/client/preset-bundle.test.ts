import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';

const { exports, peerDependencies, peerDependenciesMeta } = JSON.parse(
  readFileSync('packages/client/package.json', 'utf8'),
) as {
  exports: Record<string, { types: string; default: string }>;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional: boolean }>;
};

const sourceOf = (entry: string) =>
  String(exports[entry]?.default).replace('./dist/', './src/client/').replace('.js', '.ts');

/** What a page loads beside the library that it has, when it imports only these. */
async function bundle(entry: string, ...names: readonly string[]) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: `export { ${names} } from '${sourceOf(entry)}';`, resolveDir: process.cwd() },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    packages: 'external',
    write: false,
    metafile: true,
  });
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports.map(({ path }) => path));
  return { bytes: gzipSync(outputFiles[0]?.contents ?? '').length, places: Object.keys(metafile.inputs), imports };
}

const readme = readFileSync('packages/client/README.md', 'utf8');

describe.each([
  ['./live', ['liveClient'], ['graphql-ws']],
  ['./react', ['useEvents', 'EventsProvider'], ['graphql', 'react']],
  ['./apollo', ['tailraceLink'], ['@apollo/client', 'graphql', 'graphql-ws']],
  ['./urql', ['tailraceExchange'], ['@urql/core', 'graphql-ws', 'wonka']],
  ['./relay', ['tailraceNetwork'], ['graphql-ws', 'relay-runtime']],
  ['./shared-worker', ['sharedClient'], []],
  ['./shared-worker', ['serveTabs'], []],
])('tailrace-client%s', (entry, names, libraries) => {
  test(`${names} loads no more than the README says`, async () => {
    const { bytes, places } = await bundle(entry, ...names);
    const row = readme.split('\n').find((line) => line.startsWith(`| \`${names[0]}\` |`));
    const most = Number(/([\d.]+) KB/.exec(row ?? '')?.[1]) * 1_024;
    expect(bytes, `${names}: ${bytes}`).toBeLessThanOrEqual(most);
    expect(bytes).toBeGreaterThan(most - 600);
    expect(places.filter((place) => place !== '<stdin>' && !place.startsWith('src/client/'))).toEqual([]);
  });

  test(`${names} takes its libraries from the page that has them`, async () => {
    const { imports } = await bundle(entry, ...names);
    expect([...new Set(imports)].sort()).toEqual(libraries);
    for (const library of libraries) {
      expect(peerDependencies).toHaveProperty([library]);
      expect(peerDependenciesMeta[library]).toEqual({ optional: true });
    }
  });

  test('has its types beside it', () => {
    expect(exports[entry]?.types).toBe(exports[entry]?.default.replace('.js', '.d.ts'));
  });
});
