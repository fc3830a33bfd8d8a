import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';

/** What a page loads that imports only these. */
async function bundle(...names: readonly string[]) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: `export { ${names} } from './src/client/index.ts';`, resolveDir: process.cwd() },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    metafile: true,
  });
  return { bytes: gzipSync(outputFiles[0]?.contents ?? '').length, metafile };
}

describe('what a page loads, gzipped, is no more than', () => {
  test.each([
    ['resumingWebSocket', 2_450],
    ['resumingEvents', 2_240],
    ['resumingEventSource', 1_250],
    ['connectionStatus', 680],
    ['tokenSource', 720],
  ])('%s alone: %d bytes', async (name, most) => {
    const { bytes } = await bundle(name);
    expect(bytes).toBeGreaterThan(300);
    expect(bytes).toBeLessThanOrEqual(most);
  });
});

test('it is made of src/client alone: no library, nothing of Node, nothing of the server', async () => {
  const { metafile } = await bundle('resumingWebSocket', 'resumingEvents', 'connectionStatus', 'tokenSource');
  const places = Object.keys(metafile.inputs).filter((place) => place !== '<stdin>');
  expect(places).toContain('src/client/index.ts');
  expect(places.filter((place) => !place.startsWith('src/client/'))).toEqual([]);
  expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).toEqual([]);
});

test.each([
  ['tailrace', './client', './dist/client/index'],
  ['tailrace-client', '.', './dist/index'],
])('%s exports it as %s, with types', (name, entry, file) => {
  const path = name === 'tailrace' ? 'package.json' : 'packages/client/package.json';
  const { exports } = JSON.parse(readFileSync(path, 'utf8'));
  expect(exports[entry]).toEqual({ types: `${file}.d.ts`, default: `${file}.js` });
});
