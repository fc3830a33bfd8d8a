// npm test: everything, on real Kafka and Redis, from a fresh clone. Arguments go to vitest.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { python } from './clients/python.mjs';
import { build, checkNode, install } from './project/prepare.mjs';
import { proxyPrograms } from './proxies/programs.mjs';
import { chromiumPath } from './services/chromium.mjs';
import { clockNeeds } from './services/clock.mjs';
import { exitWith, Fault } from './services/fault.mjs';
import { down, everyService, up } from './services/find.mjs';
import { ensureCommands } from './services/packages.mjs';
import { root, stateFolder } from './services/places.mjs';
import { redisNeeds } from './services/redis.mjs';

/**
 * What vitest's JSON reporter writes, as far as it is read here. Times are in milliseconds since 1970.
 * @typedef {{ name: string, status: string, startTime: number, endTime: number, assertionResults: { status: string }[] }} FileResult
 * @typedef {{ numPassedTests: number, numPendingTests: number, numTodoTests: number, testResults: FileResult[] }} Report
 */

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
 * Where the time went, slowest first: files of one project run beside each other, so the sum is more than the run took.
 * @param {Report} report
 */
function slowest({ testResults }, rows = 20) {
  const files = testResults.map(({ name, startTime, endTime }) => ({
    name: relative(root, name),
    seconds: (endTime - startTime) / 1000,
  }));
  const all = files.reduce((sum, { seconds }) => sum + seconds, 0);
  const shown = files.toSorted((a, b) => b.seconds - a.seconds).slice(0, rows);
  const line = (/** @type {number} */ seconds, /** @type {string} */ what) =>
    `${seconds.toFixed(1).padStart(8)} s  ${what}`;
  const rest = shown.reduce((sum, { seconds }) => sum - seconds, all);
  return [
    'The slowest files:',
    ...shown.map(({ name, seconds }) => line(seconds, name)),
    line(rest, `the other ${files.length - shown.length}`),
  ].join('\n');
}

/**
 * What the runner counted. A file that could not be loaded has no tests, and counts as one failed.
 * @param {Report} report
 */
function count({ numPassedTests, numPendingTests, numTodoTests, testResults }) {
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
  // It has the types of the built tailrace-client.
  mustPass('Types of the dashboard', 'tsc', ['-p', 'examples/dashboard']);

  // Tests of faults start and kill a Redis of their own, wherever the others come from, and move its clock.
  ensureCommands([...redisNeeds, ...clockNeeds], 'for tests that kill their Redis and move its clock.');
  chromiumPath();
  proxyPrograms();
  python();
  const brought = await up(everyService);
  const reportFile = join(stateFolder, 'report.json');
  mkdirSync(stateFolder, { recursive: true });
  rmSync(reportFile, { force: true });
  let code = 1;
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
    code = await vitest(['run', ...reporters, ...process.argv.slice(2)]);
  } finally {
    await down(brought);
  }
  if (!existsSync(reportFile)) throw new Fault('The tests did not run to their end.');
  const report = /** @type {Report} */ (JSON.parse(readFileSync(reportFile, 'utf8')));
  console.log(slowest(report));
  const { passed, failed, skipped } = count(report);
  // An error outside of any test fails the run too.
  const least = code === 0 ? 0 : 1;
  console.log(`${passed} passed, ${Math.max(failed, least)} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  process.exitCode = code;
}

await main().catch(exitWith);
