// npm test: everything, on real Kafka and Redis, from a fresh clone. Arguments go to vitest.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build, checkNode, install } from './project/prepare.mjs';
import { chromiumPath } from './services/chromium.mjs';
import { clockNeeds } from './services/clock.mjs';
import { exitWith, Fault } from './services/fault.mjs';
import { down, everyService, up } from './services/find.mjs';
import { ensureCommands } from './services/packages.mjs';
import { root, stateFolder } from './services/places.mjs';
import { redisNeeds } from './services/redis.mjs';

/**
 * @param {string} name of a command in node_modules/.bin
 * @param {readonly string[]} args
 */
const run = (name, args) =>
  spawnSync(join(root, 'node_modules/.bin', name), args, { cwd: root, stdio: 'inherit' }).status ?? 1;

/**
 * @param {string} what
 * @param {string} name
 * @param {readonly string[]} args
 */
function mustPass(what, name, args) {
  console.log(`${what} …`);
  if (run(name, args) !== 0) throw new Fault(`${what}: failed.`);
}

/**
 * Resolves with vitest's exit code. Told to stop, it waits for vitest all the same: what was brought up is taken down.
 * @param {readonly string[]} args
 * @returns {Promise<number>}
 */
function vitest(args) {
  const child = spawn(join(root, 'node_modules/.bin/vitest'), args, { cwd: root, stdio: 'inherit' });
  // The terminal tells vitest by itself.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve, reject) => child.once('exit', (code) => resolve(code ?? 1)).once('error', reject));
}

/**
 * What the runner counted. A file that could not be loaded has no tests, and counts as one failed.
 * @param {string} report
 */
function count(report) {
  /** @type {{ numPassedTests: number, numPendingTests: number, numTodoTests: number, testResults: { status: string, assertionResults: { status: string }[] }[] }} */
  const { numPassedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
  const failed = testResults.map(({ status, assertionResults }) => {
    const tests = assertionResults.filter((test) => test.status === 'failed').length;
    return status === 'failed' ? Math.max(tests, 1) : tests;
  });
  return { passed: numPassedTests, failed: failed.reduce((a, b) => a + b, 0), skipped: numPendingTests + numTodoTests };
}

async function main() {
  checkNode();
  install();
  mustPass('Lint', 'biome', ['check', '--error-on-warnings']);
  mustPass('Types', 'tsc', ['-p', 'tsconfig.test.json']);
  console.log('Build …');
  build();

  // Tests of faults start and kill a Redis of their own, wherever the others come from, and move its clock.
  ensureCommands([...redisNeeds, ...clockNeeds], 'for tests that kill their Redis and move its clock.');
  chromiumPath();
  const brought = await up(everyService);
  const report = join(stateFolder, 'report.json');
  mkdirSync(stateFolder, { recursive: true });
  rmSync(report, { force: true });
  let code = 1;
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    code = await vitest(['run', ...reporters, ...process.argv.slice(2)]);
  } finally {
    await down(brought);
  }
  if (!existsSync(report)) throw new Fault('The tests did not run to their end.');
  const { passed, failed, skipped } = count(report);
  // An error outside of any test fails the run too.
  const least = code === 0 ? 0 : 1;
  console.log(`${passed} passed, ${Math.max(failed, least)} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  process.exitCode = code;
}

await main().catch(exitWith);
