import fc from 'fast-check';
import { aDay } from './day.js';
import { aHunt, type Seen } from './hunt.js';

/**
 * `npm run fuzz:leak`: the leak hunt with seeds of chance, for `LEAK_MINUTES` (1). `LEAK_SEED=7` begins elsewhere, and
 * `LEAK_SEED=7/3:1:0`, as a failure prints it, runs that one case again. `LEAK_OVER=sockets` hunts over real sockets and
 * streams of two gateways instead. Exit code 1 when something was found.
 */
const minutes = Number(process.env.LEAK_MINUTES ?? 1);
const [seedText, path] = (process.env.LEAK_SEED ?? '').split('/');
const seed = seedText ? Number(seedText) : Math.floor(Math.random() * 2 ** 31);
if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  throw new RangeError('LEAK_MINUTES is a number above 0, LEAK_SEED a whole number, or one with a path: 7/3:1:0');
}

const sockets = process.env.LEAK_OVER === 'sockets';
const hunts: fc.Arbitrary<{ run(): Promise<Partial<Seen>> }> = sockets ? aDay : aHunt;
const total = { hunts: 0, shown: 0, hidden: 0, shared: 0 };
const property = fc.asyncProperty(hunts, async (hunt) => {
  const seen = await hunt.run();
  total.hunts++;
  for (const name of ['shown', 'hidden', 'shared'] as const) total[name] += seen[name] ?? 0;
});

console.log(
  `leak hunt${sockets ? ' over sockets' : ''}: seed ${seed}${path ? `, path ${path}` : ''}, ${path ? 'one case' : `${minutes} min`}`,
);
const outcome = await fc.check(property, {
  seed,
  ...(path ? { path, endOnFailure: true } : {}),
  numRuns: path ? 1 : Number.MAX_SAFE_INTEGER,
  interruptAfterTimeLimit: minutes * 60_000,
  markInterruptAsFailure: false,
});
const { shown, hidden, shared } = total;
const ofThem = sockets ? '' : `, ${shared} of them in a shared frame`;
console.log(`${total.hunts} hunts: ${shown} events shown${ofThem}, ${hidden} kept back`);
if (outcome.failed) {
  console.log(`\n${outcome.counterexample?.[0]}\n${(outcome.errorInstance as Error | null)?.message}\n`);
  console.log(
    `once more: ${sockets ? 'LEAK_OVER=sockets ' : ''}LEAK_SEED=${outcome.seed}/${outcome.counterexamplePath} npm run fuzz:leak`,
  );
}
process.exitCode = outcome.failed || (!path && shown === 0) ? 1 : 0;
