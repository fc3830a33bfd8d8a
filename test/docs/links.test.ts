import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { transform } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { variableName, variables } from '../../src/config/variables.js';
import { compileSchema } from '../../src/schema/compile.js';
import { documents } from './project-files.js';

const read = (file: string) => readFileSync(file, 'utf8');
/** Blocks of code hold brackets that are no links. */
const unfenced = (text: string) => text.replace(/^```[\s\S]*?^```$/gm, '');
const prose = (text: string) => unfenced(text).replace(/`[^`\n]*`/g, '');
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
const headings = (file: string) =>
  [...unfenced(read(file)).matchAll(/^#+ (.*)$/gm)].map(([, text = '']) => anchorOf(text));
const { scripts, dependencies } = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;

describe.each(documents)('%s', (file) => {
  test('links to files and headings that exist', () => {
    const links = [...prose(read(file)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    const broken = links.filter((link) => {
      if (/^[a-z]+:/.test(link)) return false;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? file : join(dirname(file), path);
      if (!existsSync(target)) return true;
      return anchor !== undefined && target.endsWith('.md') && !headings(target).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  test('names scripts that package.json has', () => {
    const named = [...read(file).matchAll(/\bnpm (?:run )?([\w:]+)/g)].map(([, name = '']) => name);
    const ofNpm = ['ci', 'install', 'i', 'audit', 'version'];
    const missing = named.filter((name) => !Object.hasOwn(scripts ?? {}, name) && !ofNpm.includes(name));
    expect(missing).toEqual([]);
  });

  test('names variables that Tailrace reads', () => {
    const known = Object.keys(variables).flatMap((key) => {
      const name = variableName(key as keyof typeof variables);
      return [name, `${name}_FILE`];
    });
    const named = [...read(file).matchAll(/\bTAILRACE_[A-Z0-9_]*[A-Z0-9]/g)].map(([name]) => name);
    const unknown = named.filter((name) => !known.includes(name) && !name.startsWith('TAILRACE_TEST_'));
    // A group such as TAILRACE_KAFKA_SASL_* is named by its beginning.
    expect(unknown.filter((name) => !known.some((full) => full.startsWith(`${name}_`)))).toEqual([]);
  });

  test('shows JavaScript that can be parsed', async () => {
    const blocks = [...read(file).matchAll(/^```[jt]s\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text);
    // A line of dots leaves something out, and a part of an object is shown by itself.
    const whole = (text: string) => text.replace(/^ *…$/gm, '');
    const parse = (text: string) => transform(whole(text), { loader: 'ts', format: 'esm', logLevel: 'silent' });
    for (const text of blocks) await parse(text).catch(() => parse(`({${text}})`));
  });

  test('shows schemas that compile', () => {
    const blocks = [...read(file).matchAll(/^```graphql\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text);
    for (const sdl of blocks.filter((text) => /^type Subscription\b/m.test(text))) {
      // An excerpt leaves out the types that it names.
      const named = [...sdl.matchAll(/: *\[?(\w+)/g)].map(([, name = '']) => name);
      const missing = new Set(named.filter((name) => name === 'Transaction' && !/^type Transaction\b/m.test(sdl)));
      const whole = `${sdl}\n${[...missing].map((name) => `type ${name} { userId: ID! amount: Float! }`).join('\n')}`;
      const { problems } = compileSchema(whole, { file, retention: { retain: 600_000, max: 1000 } });
      expect(problems.filter(({ severity }) => severity === 'fault')).toEqual([]);
    }
  });
});

test('the README shows a schema, and has at most 150 lines', () => {
  expect(read('README.md')).toMatch(/^```graphql\ntype Subscription/m);
  expect(read('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(150);
});

test('docs/dependencies.md lists every dependency with its version, and no other', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, { version: string }> };
  const listed = [...read('docs/dependencies.md').matchAll(/^\| ([@\w/-]+) \| ([\d.]+) \|/gm)].map(
    ([, name, version]) => `${name} ${version}`,
  );
  const wanted = Object.keys(dependencies ?? {}).map((name) => `${name} ${packages[`node_modules/${name}`]?.version}`);
  expect(listed.sort()).toEqual(wanted.sort());
});
