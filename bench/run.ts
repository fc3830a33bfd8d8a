import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import type { Effort } from './compare.js';
import { machine, machineCpu } from './measure.js';
import { type Section, table, write } from './report.js';
import { leftOut, type SystemName, systems } from './systems/system.js';
import { workloads } from './workloads.js';

/**
 * `npm run bench`: every workload, side by side; see `bench/README.md`. `-- --only per-user,idle` for some of them,
 * `--rounds 5 --seconds 10` for more certainty, `--smoke` for the plumbing alone, `--systems floor,tailrace`. Exits 1 when a delivery was wrong.
 */
const { values: given } = parseArgs({
  options: {
    only: { type: 'string', default: workloads.map(({ name }) => name).join(',') },
    systems: { type: 'string', default: Object.keys(systems).join(',') },
    smoke: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    results: { type: 'string', default: new URL('./results', import.meta.url).pathname },
  },
});

const chosen = given.only.split(',').map((name) => {
  const workload = workloads.find((one) => one.name === name);
  if (!workload) throw new Error(`no workload ${name}; there are ${workloads.map((one) => one.name).join(', ')}`);
  return workload;
});
const named = new Set(given.systems.split(','));
const missing = leftOut();
const effort: Effort = {
  smoke: given.smoke,
  rounds: Number(given.rounds ?? (given.smoke ? 1 : 3)),
  seconds: Number(given.seconds ?? (given.smoke ? 0.5 : 3)),
  without: new Set((Object.keys(systems) as SystemName[]).filter((name) => !named.has(name) || missing.has(name))),
};

const version = (name: string): string =>
  JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version;
const libraries = ['graphql', 'graphql-yoga', 'graphql-ws', 'graphql-redis-subscriptions', 'ioredis', 'kafkajs', 'ws'];
const redisVersion = /v=(\S+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1];

async function elsewhere(): Promise<string> {
  const [before, began] = [machineCpu(), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const share = (machineCpu() - before) / ((performance.now() - began) / 1_000);
  return `before it began, other programs took ${Math.round(share * 100)} % of a core; load average ${loadavg()[0]?.toFixed(1)}`;
}

const about = [
  `${new Date().toISOString().slice(0, 10)}; ${machine()}; Redis ${redisVersion}; ${await elsewhere()}.`,
  `Versions: ${libraries.map((name) => `${name} ${version(name)}`).join(', ')}.`,
  `Method: gateway, relay, Redis and load generator are processes of their own on this machine, each system with a Redis and a
topic of its own; all in production mode, with their defaults. Systems take their turns, ${effort.rounds} rounds of ${effort.seconds} s after a second that is not
counted; shown are medians (lowest–highest). CPU is the operating system's count for each process, the kernel's work
for its sockets included. One clock for all: an event says when it was produced. Every client checks every event: its own,
in order, once; one wrong or missing delivery fails the run. *others* is what all else on the machine took: Kafka, the producer,
and whoever else was working; where gateway, generator and others together are near ${cpus().length * 100} %, the machine was the limit.`,
  ...missing.values(),
];
console.log(`${about.join('\n\n')}\n`);

/** Smoke runs only wait for processes to start, and nobody looks at their figures: some of them at once. */
const atOnce = effort.smoke ? 4 : 1;
const waiting = chosen.filter(({ alike }) => !(effort.smoke && alike));
const found = new Map<string, Section>();

async function worker(): Promise<void> {
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const { run, alike: _, ...workload } = next;
    const section = { ...workload, ...(await run(effort)) };
    found.set(section.name, section);
    console.log(table(section));
    // What has been measured is kept even if a later one fails.
    const sections = chosen.flatMap(({ name }) => found.get(name) ?? []);
    write(given.results, about, sections);
  }
}

await Promise.all(Array.from({ length: atOnce }, worker));
console.log(`Also in ${given.results}`);
