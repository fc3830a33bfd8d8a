// npm run clients -- python | java | rust: a loop of examples/clients against two gateways that are cut, killed and retired.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { programs } from './clients/programs.mjs';
import { build, install } from './project/prepare.mjs';
import { exitWith, Fault } from './services/fault.mjs';
import { down, everyService, up } from './services/find.mjs';
import { root } from './services/places.mjs';

async function main() {
  const languages = process.argv.slice(2);
  const known = Object.keys(programs);
  if (languages.length === 0 || languages.some((language) => !known.includes(language)))
    throw new Fault(`usage: npm run clients -- ${known.join(' | ')}`);
  install();
  build();
  const brought = await up(everyService);
  try {
    const vitest = join(root, 'node_modules/.bin/vitest');
    const env = { ...process.env, CLIENTS: languages.join() };
    const args = ['run', '--project', 'services*', 'test/services/other-languages.test.ts'];
    process.exitCode = spawnSync(vitest, args, { cwd: root, env, stdio: 'inherit' }).status ?? 1;
  } finally {
    await down(brought);
  }
}

await main().catch(exitWith);
