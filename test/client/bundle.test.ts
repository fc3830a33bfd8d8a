import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

const bundle = () =>
  build({
    entryPoints: ['src/client/index.ts'],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    metafile: true,
  });

test('what a browser loads is under 3 KB gzipped', async () => {
  const { outputFiles } = await bundle();
  const { length } = gzipSync(outputFiles[0]?.contents ?? '');
  expect(length).toBeGreaterThan(500);
  expect(length).toBeLessThan(3_000);
});

test('it is made of src/client alone: no library, nothing of Node, nothing of the server', async () => {
  const { metafile } = await bundle();
  const places = Object.keys(metafile.inputs);
  expect(places).toContain('src/client/index.ts');
  expect(places.filter((place) => !place.startsWith('src/client/'))).toEqual([]);
  expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).toEqual([]);
});

test('the package exports it as tailrace/client, with types', () => {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));
  expect(exports['./client']).toEqual({
    types: './dist/client/index.d.ts',
    default: './dist/client/index.js',
  });
});
