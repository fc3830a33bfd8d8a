#!/usr/bin/env node
import type { Print, Run, Terminal } from './process/command.js';
import { notUnderstood, runProcess } from './process/run-process.js';
import { version } from './process/version.js';

interface Entry {
  readonly about: string;
  /** The command's code, loaded when asked for: `check` in a hook should not wait for a Kafka client to load. */
  load(): Promise<Run>;
}

/** A command that needs only a place to print. */
type Answer = (args: readonly string[], env: NodeJS.ProcessEnv, print: Print) => number | Promise<number>;
const answering =
  (answer: Answer): Run =>
  async (args, env, { out }) =>
    answer(args, env, out);

const commands: Readonly<Record<string, Entry>> = {
  dev: {
    about: 'everything in one process, without Redis: fed by samples, by `tailrace send`, or by the Kafka you name',
    load: async () => (await import('./dev.js')).dev,
  },
  send: {
    about: 'hands records, a JSON line each, to dev or to Kafka: <topic> [--key …] [--header name=value] [file | -]',
    load: async () => (await import('./send.js')).send,
  },
  gateway: {
    about: 'serves subscriptions to clients from Redis; any number of them',
    load: async () => (await import('./gateway.js')).gateway,
  },
  relay: {
    about: 'brings records from Kafka to Redis; any number of them',
    load: async () => (await import('./relay.js')).relay,
  },
  check: {
    about: 'checks schema, rules and configuration; needs no services: [schema.graphql]',
    load: async () => answering((await import('./check.js')).check),
  },
  explain: {
    about: 'would this viewer get this event, and why not: --field … --event … [--args …] [--claims …] [--record …]',
    load: async () => answering((await import('./explain.js')).explain),
  },
  schema: {
    about: 'prints what clients may know, as introspection shows it, for their generators of code: [schema.graphql]',
    load: async () => (await import('./schema.js')).schema,
  },
  test: {
    about: 'runs a table of who may see what against the rules: tailrace test rules.yaml',
    load: async () => (await import('./test-rules.js')).testRules,
  },
  revoke: {
    about: 'ends what runs by these tokens, on every gateway: --sub ada, --jti …, --claim name=value',
    load: async () => (await import('./revoke.js')).revoke,
  },
  token: {
    about: 'a development token: --sub ada --claims \'{"roles":["auditor"]}\' --expires 1h',
    load: async () => (await import('./token.js')).token,
  },
};

const usage = (): readonly string[] => [
  'usage: tailrace <command>',
  '',
  ...Object.entries(commands).map(([name, { about }]) => `  ${name.padEnd(9)} ${about}`),
  '  help      this page',
  '',
  'Configured by TAILRACE_… in the environment: docs/configuration.md has the table.',
];

/** Exit codes: 0 done, 1 refused or failed, 2 not understood; `explain` and `check` have their own meaning of 1 and 2. */
async function main([name, ...args]: readonly string[], terminal: Terminal): Promise<number> {
  if (name === 'help' || name === '--help' || name === '-h') {
    for (const line of usage()) terminal.out(line);
    return 0;
  }
  if (name === '--version' || name === '-v') {
    terminal.out(version);
    return 0;
  }
  const entry = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) {
    if (name !== undefined) terminal.err(`tailrace has no command ${JSON.stringify(name)}.`);
    for (const line of usage()) terminal.err(line);
    return 2;
  }
  const about = `tailrace ${name}: ${entry.about}`;
  if (args.some((arg) => arg === '--help' || arg === '-h')) {
    terminal.out(about);
    return 0;
  }
  try {
    return await (await entry.load())(args, process.env, terminal);
  } catch (error) {
    const misread = notUnderstood(error);
    if (misread === null) throw error;
    terminal.err(misread);
    terminal.err(about);
    return 2;
  }
}

await runProcess((terminal) => main(process.argv.slice(2), terminal));
