import fc from 'fast-check';
import { aHunt } from './hunt.js';

/**
 * `npm run fuzz:leak`: the leak hunt with seeds of chance, for `LEAK_MINUTES` (1). `LEAK_SEED=7` begins elsewhere, and
 * `LEAK_SEED=7/3:1:0`, as a failure prints it, runs that one case again. Exit code 1 when something was found.
 */
const minutes = Number(process.env.LEAK_MINUTES ?? 1);
const [seedText, path] = (process.env.LEAK_SEED ?? '').split('/');
const seed = seedText ? Number(seedText) : Math.floor(Math.random() * 2 ** 31);
if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  throw new RangeError('LEAK_MINUTES is a number above 0, LEAK_SEED a whole number, or one with a path: 7/3:1:0');
}

const total = { hunts: 0, shown: 0, hidden: 0, shared: 0 };
const property = fc.asyncProperty(aHunt, async (hunt) => {
  const seen = await hunt.run();
  total.hunts++;
  for (const name of ['shown', 'hidden', 'shared'] as const) total[name] += seen[name];
});

console.log(`leak hunt: seed ${seed}${path ? `, path ${path}` : ''}, ${path ? 'one case' : `${minutes} min`}`);
const outcome = await fc.check(property, {
  seed,
  ...(path ? { path, endOnFailure: true } : {}),
  numRuns: path ? 1 : Number.MAX_SAFE_INTEGER,
  interruptAfterTimeLimit: minutes * 60_000,
  markInterruptAsFailure: false,
});
const { hunts, shown, hidden, shared } = total;
console.log(`${hunts} hunts: ${shown} events shown, ${shared} of them in a shared frame, ${hidden} kept back`);
if (outcome.failed) {
  console.log(`\n${outcome.counterexample?.[0]}\n${(outcome.errorInstance as Error | null)?.message}\n`);
  console.log(`once more: LEAK_SEED=${outcome.seed}/${outcome.counterexamplePath} npm run fuzz:leak`);
}
process.exitCode = outcome.failed || (!path && shown === 0) ? 1 : 0;
