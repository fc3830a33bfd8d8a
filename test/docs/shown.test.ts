import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { run } from '../bin/process.js';
import { documents } from './project-files.js';

/** Blocks that begin with a command of ours; a token is another one each time. */
const shown = documents
  .flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/```\n\$ tailrace (.*)\n([\s\S]*?)```/g)])
  .map(([, command = '', output = '']) => ({ command, output }))
  .filter(({ command }) => !command.startsWith('token '));

const words = (command: string) =>
  [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');

describe('documents show what a command prints', () => {
  test('of more than one', () => expect(shown.length).toBeGreaterThan(1));
  test.each(shown)('tailrace $command', async ({ command, output }) => {
    await using running = run(words(command));
    const { out, err } = await running.ended;
    expect(`${err}${out}`).toBe(output);
  });
});
