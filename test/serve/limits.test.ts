import { expect, test } from 'vitest';
import { defaultText, type Variable, variables } from '../../src/config.js';
import { defaultLimits } from '../../src/serve/limits.js';

test('a gateway made in code has the limits that one made by the environment has', () => {
  const read = Object.keys(defaultLimits).map((limit) => {
    const variable = variables[limit as keyof typeof defaultLimits] as Variable;
    return [limit, variable.kind.schema.parse(defaultText(variable, 'gateway') ?? '')];
  });
  expect(Object.fromEntries(read)).toEqual(defaultLimits);
});
