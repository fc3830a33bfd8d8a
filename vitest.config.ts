import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { takeOut } from './test/broken/take-out.js';

// Vite would take graphql's .mjs for our code while Node gives its .js to the libraries: two graphqls that refuse each other.
const alias = [{ find: /^graphql$/, replacement: fileURLToPath(import.meta.resolve('graphql')) }];

const root = fileURLToPath(new URL('.', import.meta.url));
/** `WITHOUT=watermark npx vitest run …`: how the tests fare without one check of the product. */
const { WITHOUT } = process.env;

/** Of the tests with services: those that wait more than they work, on topics, prefixes and groups of their own. */
const beside = [
  'test/browser/**/*.test.ts',
  ...[
    'coming-from-yoga',
    'gateway-settings',
    'hub-redis',
    'masking',
    'mutation-budget',
    'names',
    'other-languages',
    'proxies',
    'proxies-idle',
    'proxies-otherwise',
    'proxies-passing-tls',
    'proxy-protocol',
    'redis-log',
    'redis-tls',
    'redis-users',
    'relay-dead-letters',
    'relay-doubled',
    'relay-group',
    'relay-records',
    'relay-redis',
    'tickets',
    'topic-grown',
  ].map((name) => `test/services/${name}.test.ts`),
];

const withServices = {
  globalSetup: ['test/support/servers/services-answer.ts'],
  testTimeout: 120_000,
  hookTimeout: 120_000,
};

export default defineConfig({
  plugins: WITHOUT ? [takeOut(WITHOUT, root)] : [],
  resolve: { alias },
  test: {
    // One after the other, by `groupOrder`.
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/services/**', 'test/browser/**'],
          setupFiles: ['test/support/properties.ts'],
          // Files of one process share what they import: to load graphql for each takes longer than most of them do.
          isolate: false,
          // More than a machine's two cores: many wait, for the end of a token or for a process that starts.
          maxWorkers: 3,
          // Properties look at hundreds of cases; on two cores they share them with everything else.
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          ...withServices,
          name: 'services-beside',
          include: beside,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          ...withServices,
          name: 'services',
          include: ['test/services/**/*.test.ts'],
          exclude: beside,
          // One file at a time: up to nine processes on two cores, and some of them measure time.
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
