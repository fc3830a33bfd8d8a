import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { takeOut } from './test/broken/take-out.js';

// Vite would take graphql's .mjs for our code while Node gives its .js to the libraries: two graphqls that refuse each other.
const alias = [{ find: /^graphql$/, replacement: fileURLToPath(import.meta.resolve('graphql')) }];

const root = fileURLToPath(new URL('.', import.meta.url));
/** `WITHOUT=watermark npx vitest run …`: how the tests fare without one check of the product. */
const { WITHOUT } = process.env;

export default defineConfig({
  plugins: WITHOUT ? [takeOut(WITHOUT, root)] : [],
  resolve: { alias },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/services/**', 'test/browser/**'],
          isolate: false,
          maxWorkers: 3,
          setupFiles: ['test/support/properties.ts'],
          // Properties look at hundreds of cases; on two cores they share them with everything else.
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'services',
          include: ['test/services/**/*.test.ts', 'test/browser/**/*.test.ts'],
          globalSetup: ['test/support/services-answer.ts'],
          // One file at a time, after the unit tests: they start processes of their own and measure time.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          testTimeout: 120_000,
          // Up to nine processes on two cores: one more try, which the reporter shows as a retry and never hides.
          retry: 1,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
