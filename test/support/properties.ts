import fc from 'fast-check';

/**
 * Property tests look at the same cases each time, so that a red run is the fault of the change it is about.
 * `SEED=7 npm run test:unit` looks at others.
 */
fc.configureGlobal({ seed: Number(process.env.SEED ?? 1) });
