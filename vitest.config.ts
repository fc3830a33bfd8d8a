import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/services/**', 'test/browser/**'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'services',
          include: ['test/services/**/*.test.ts', 'test/browser/**/*.test.ts'],
          globalSetup: ['test/support/services-answer.ts'],
          // One file at a time, after the unit tests: they start processes of their own and measure time.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
