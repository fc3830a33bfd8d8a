import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { breaks } from '../broken/breaks.js';
import type { Verdicts } from '../broken/run.js';

const root = join(import.meta.dirname, '../..');
let verdicts: Verdicts;

beforeAll(async () => {
  const command = join(root, 'node_modules/.bin/tsx');
  // The child's time ends before the hook's: a hook that ends first leaves it running beside all tests that follow.
  const options = { cwd: root, maxBuffer: 2 ** 26, timeout: 590_000 };
  const { stdout } = await promisify(execFile)(command, ['test/broken/run.ts'], options);
  verdicts = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
}, 600_000);

describe('a product without one of its checks is caught', () => {
  for (const [name, { what, red, green }] of Object.entries(breaks)) {
    test(`without ${name}: ${what}`, () => {
      const states = Object.entries(verdicts[name] ?? {});
      const stateOf = (beginning: string) => states.find(([title]) => title.startsWith(beginning))?.[1];
      expect({ [green]: stateOf(green) }).toEqual({ [green]: 'passed' });
      for (const promise of red) expect({ [promise]: stateOf(promise) }).toEqual({ [promise]: 'failed' });
    });
  }
});
