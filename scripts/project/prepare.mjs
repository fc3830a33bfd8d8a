import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../services/fault.mjs';
import { root } from '../services/places.mjs';

/** Throws one line when this Node is older than package.json says. */
export function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new Fault(`Tailrace needs Node 20.19 or later; this is ${process.version}.`);
  }
}

/** @typedef {{ packages?: Record<string, { version?: string, optional?: boolean }> }} Lock */

/**
 * @param {string} path
 * @returns {Required<Lock>['packages'] | null}
 */
function packagesOf(path) {
  try {
    return /** @type {Lock} */ (JSON.parse(readFileSync(path, 'utf8'))).packages ?? null;
  } catch {
    return null;
  }
}

/** True when node_modules holds what package-lock.json names. Contents are compared: times say nothing after a checkout. */
function isInstalled() {
  const wanted = packagesOf(join(root, 'package-lock.json'));
  const there = packagesOf(join(root, 'node_modules/.package-lock.json'));
  if (wanted === null || there === null) return false;
  // Optional packages are for other platforms, unless they are there.
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === '' || (there[path] ? there[path].version === version : optional),
  );
}

/** Runs `npm ci` when it is needed, in one line. */
export function install() {
  if (isInstalled()) return;
  console.log('Installing dependencies …');
  const { status, stderr, error } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    encoding: 'utf8',
    // A machine that says production still builds and tests.
    env: { ...process.env, NODE_ENV: 'development' },
  });
  if (status !== 0) throw new Fault(`npm ci failed:\n${stderr?.trim() || error}`);
}

/**
 * The newest change below a folder, in milliseconds.
 * @param {string} folder
 */
function newest(folder) {
  const entries = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return Math.max(...entries.map((entry) => statSync(join(folder, entry)).mtimeMs));
}

/** The package tailrace-client's own copy of dist/client. */
const clientKit = join(root, 'packages/client/dist');

/** True when dist/ and its copy were built after the last change to src/. */
function isBuilt() {
  try {
    const built = Math.min(...[join(root, 'dist'), clientKit].map((folder) => statSync(folder).mtimeMs));
    return built > newest(join(root, 'src')) && built > statSync(join(root, 'tsconfig.json')).mtimeMs;
  } catch {
    return false;
  }
}

/** Compiles src/ to dist/, and gives tailrace-client its part. Made beside it and put in its place whole, so that no file of an older build stays. */
export function build() {
  const made = join(root, 'dist.new');
  rmSync(made, { recursive: true, force: true });
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '--outDir', made], { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Fault('The build failed.');
  chmodSync(join(made, 'bin/tailrace.js'), 0o755);
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  renameSync(made, join(root, 'dist'));
  rmSync(clientKit, { recursive: true, force: true });
  cpSync(join(root, 'dist/client'), clientKit, { recursive: true });
}

/** Makes a fresh clone ready to run: dependencies and build, each only when needed. */
export function prepare() {
  checkNode();
  install();
  if (isBuilt()) return;
  console.log('Building …');
  build();
}
