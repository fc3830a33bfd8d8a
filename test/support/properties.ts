import fc from 'fast-check';

/**
 * Property tests look at the same cases each time, so that a red run is the fault of the change it is about.
 * `SEED=7 npm run test:unit` looks at others.
 */
fc.configureGlobal({ seed: Number(process.env.SEED ?? 1) });

const share = Number(process.env.CASES ?? 0.4);

/**
 * The part of `all` that a run looks at: those properties that cost most look at two of five cases, which takes seconds
 * instead of minutes. `CASES=1 npm run test:unit` looks at all, `CASES=10` at ten times as many; with another `SEED`
 * at others. What a property must have met to prove something is counted by the same measure.
 */
export const cases = (all: number): number => Math.ceil(all * share);
