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
    audit({ event: 'refused', claims: null, peer: null, code: 'FORBIDDEN' });
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

test.each([
  ['ends at once', 'process.exit(3)'],
  ['fails', "throw new Error('on purpose')"],
])('a process that %s leaves behind the lines that it has just made', async (_, end) => {
  const program = `
    import { auditLines } from ${JSON.stringify(new URL('../../src/observe/audit-lines.ts', import.meta.url).href)};
    auditLines({ arguments: 'names' })({ event: 'refused', claims: null, peer: null, code: 'FORBIDDEN' });
    ${end};`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program]);
  expect(await text(child.stderr)).toContain('"code":"FORBIDDEN"');
});

test('lines that find no room are counted, each one', async () => {
  const program = `
    import { auditLines } from ${JSON.stringify(new URL('../../src/observe/audit-lines.ts', import.meta.url).href)};
    const audit = auditLines({ arguments: 'names' });
    const code = 'x'.repeat(1_000);
    for (let n = 0; n < 20_000; n++) audit({ event: 'refused', claims: null, peer: null, code });
    process.stdout.write('done');
    process.stdin.once('data', () => process.stdin.destroy());`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program]);
  await new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
  child.stdin.write('end');
  const read = (await text(child.stderr)).trimEnd().split('\n');
  const told = read.map((line) => JSON.parse(line) as { lost?: number });
  const lost = told.reduce((sum, line) => sum + (line.lost ?? 0), 0);
  expect(lost).toBeGreaterThan(0);
  expect(told.filter((line) => line.lost === undefined).length + lost).toBe(20_000);
});
