import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { generate, generatedFile } from '../../codegen.js';

test('the types of the resolvers are those of schema.graphql: npm run codegen writes them', async () => {
  expect(readFileSync(generatedFile, 'utf8')).toBe(await generate());
});
