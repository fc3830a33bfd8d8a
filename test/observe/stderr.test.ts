import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';

const lines = 20_000;
const program = `
  import { auditLines } from ${JSON.stringify(new URL('../../src/observe/audit-lines.ts', import.meta.url).href)};
  import { pinoLogger } from ${JSON.stringify(new URL('../../src/observe/pino.ts', import.meta.url).href)};
  import { written } from ${JSON.stringify(new URL('../../src/observe/stderr.ts', import.meta.url).href)};
  const audit = auditLines({ arguments: 'names' });
  const logger = pinoLogger({ level: 'info', command: 'test' });
  for (let n = 0; n < ${lines / 2}; n++) {
    audit({ event: 'refused', claims: null, source: null, code: 'FORBIDDEN' });
    logger.warn({ n }, 'a line');
  }
  process.stdout.write('done');
  process.stdin.once('data', () => written().then(() => process.exit(0)));`;

test('a log that nobody reads holds nothing up; when it is read all lines are there, each one whole, also those before an exit', async () => {
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program]);
  // Nobody reads stderr until it has said this.
  await new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
  child.stdin.write('exit');
  const read = (await text(child.stderr)).trimEnd().split('\n');
  expect(read.map((line) => JSON.parse(line) as object)).toHaveLength(lines);
});
