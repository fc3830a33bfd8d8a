import { expect, test } from 'vitest';
import { Refusal } from '../../src/bin/process/refusal.js';
import { revoke } from '../../src/bin/revoke.js';

const refusal = async (...args: string[]) => {
  const terminal = { out: () => {}, err: () => {} };
  const error = await revoke(args, {}, terminal).catch((thrown: unknown) => thrown);
  return error instanceof Refusal ? error.lines : error;
};

test('tailrace revoke says all that is wrong with its arguments, before it asks Redis', async () => {
  expect(await refusal()).toEqual(['Whose tokens? Name --sub, --jti or --claim name=value.']);
  expect(await refusal('--claim', 'x', '--claim', '=y', '--sub', 'a', '--claim', 'sub=b')).toEqual([
    '--claim must be name=value, not "x".',
    '--claim must be name=value, not "=y".',
    'A claim is named twice, and cannot have two values.',
  ]);
  expect(await refusal('--claim', `a=${'x'.repeat(1_001)}`)).toEqual([
    'a claim of a revocation has a name, and at most 1000 characters',
  ]);
});

test('a name that is empty, as of a variable that was not set, revokes nothing', async () => {
  expect(await refusal('--sub', '')).toEqual(['--sub is empty: whose tokens?']);
  expect(await refusal('--jti', '', '--claim', 'tenant=acme')).toEqual(['--jti is empty: whose tokens?']);
});
