import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Break, breaks } from '../broken/breaks.js';

/** Runs tests of ours without one check of the product; resolves with the state of each. */
async function runWithout(name: string, { suite, red, green }: Break): Promise<Map<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'tailrace-broken-'));
  const report = join(folder, 'report.json');
  try {
    const vitest = join(import.meta.dirname, '../../node_modules/.bin/vitest');
    const args = [
      'run',
      suite,
      '-t',
      [...red, green].join('|'),
      '--retry=0',
      '--reporter=json',
      `--outputFile=${report}`,
    ];
    const child = spawn(vitest, args, { env: { ...process.env, WITHOUT: name }, stdio: 'ignore', timeout: 100_000 });
    await new Promise((resolve, reject) => child.once('exit', resolve).once('error', reject));
    const { testResults } = JSON.parse(await readFile(report, 'utf8')) as {
      testResults: { assertionResults: { title: string; status: string }[] }[];
    };
    return new Map(testResults.flatMap(({ assertionResults }) => assertionResults.map((t) => [t.title, t.status])));
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('a product without one of its checks is caught', () => {
  for (const [name, broken] of Object.entries(breaks)) {
    test(`without ${name}: ${broken.what}`, async () => {
      const states = await runWithout(name, broken);
      const stateOf = (beginning: string) => [...states].find(([title]) => title.startsWith(beginning))?.[1];
      expect({ [broken.green]: stateOf(broken.green) }).toEqual({ [broken.green]: 'passed' });
      for (const promise of broken.red) expect({ [promise]: stateOf(promise) }).toEqual({ [promise]: 'failed' });
    });
  }
});
