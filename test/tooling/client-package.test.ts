import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const manifest = (path: string) => JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'));

/** As npm packs it, unpacked into the node_modules of an empty project. */
function installed(project: string, ...workspace: string[]) {
  const pack = ['pack', ...workspace, '--ignore-scripts', '--json', '--pack-destination', project];
  const { stdout } = spawnSync('npm', pack, { cwd: root, encoding: 'utf8' });
  const [{ name, filename }] = JSON.parse(stdout) as [{ name: string; filename: string }];
  const folder = join(project, 'node_modules', name);
  mkdirSync(folder, { recursive: true });
  spawnSync('tar', ['xf', join(project, filename), '-C', folder, '--strip-components=1']);
  return folder;
}

test.each([
  ['tailrace-client', ['-w', 'tailrace-client'], 'tailrace-client'],
  ['tailrace alone', [], 'tailrace/client'],
])('%s, packed and unpacked into an empty project, gives the client kit', (_, workspace, name) => {
  const project = mkdtempSync(join(tmpdir(), 'tailrace-page-'));
  try {
    writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
    const folder = installed(project, ...workspace);
    const program = `console.log(Object.keys(await import('${name}')).sort().join())`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      cwd: project,
      encoding: 'utf8',
    });
    expect([stdout, stderr]).toEqual([expect.stringContaining('resumingEvents,resumingWebSocket,tokenSource'), '']);
    const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const types = exports[name === 'tailrace-client' ? '.' : './client'].types;
    expect(existsSync(join(folder, types)), types).toBe(true);
  } finally {
    rmSync(project, { recursive: true });
  }
});

test('both packages have one version, one license, and it asks for no other package', () => {
  const [whole, kit] = [manifest('.'), manifest('packages/client')];
  expect([kit.version, kit.license]).toEqual([whole.version, whole.license]);
  expect(kit.dependencies).toBeUndefined();
  expect(kit.sideEffects).toBe(false);
});
