import { fileURLToPath } from 'node:url';
import { createVitest, type TestCase } from 'vitest/node';
import { breaks } from './breaks.js';
import { takeOut } from './take-out.js';

/** The state of each test that has run, by the break and the test's name. */
export type Verdicts = Readonly<Record<string, Readonly<Record<string, string>>>>;

const root = fileURLToPath(new URL('../../', import.meta.url));
const graphql = { find: /^graphql$/, replacement: fileURLToPath(import.meta.resolve('graphql')) };

/**
 * `tsx test/broken/run.ts [name…]`: the suites of these breaks, or of all, each with the product's sources as its break
 * reads them. One run, since starting a runner for each takes longer than the tests do. Writes `Verdicts` to the last
 * line of stdout, and exits with 0 whatever they are.
 */
async function main(names: readonly string[]) {
  const projects = names.map((name) => ({
    plugins: [takeOut(name, root)],
    resolve: { alias: [graphql] },
    test: {
      name,
      root,
      include: [breaks[name]?.suite ?? ''],
      setupFiles: ['test/support/properties.ts'],
      // Some of them start servers.
      testTimeout: 120_000,
      hookTimeout: 120_000,
      // What is broken on purpose may end its process.
      isolate: true,
    },
  }));
  // A property that fails need not look for the smallest case: nobody reads what was broken on purpose.
  process.env.WITHOUT = 'one check';
  // What is missing shows in few cases: all are looked at.
  process.env.CASES = '1';
  const vitest = await createVitest('test', {
    config: false,
    root,
    watch: false,
    // A reporter of our own that says nothing: none at all would be the default one.
    reporters: [{}],
    projects,
    maxWorkers: 2,
  });
  try {
    const { testModules } = await vitest.runTestSpecifications(
      vitest.projects.map((project) => {
        const { suite = '', red = [], green = '' } = breaks[project.name] ?? {};
        const testNamePattern = new RegExp([...red, green].join('|'));
        return project.createSpecification(`${root}${suite}`, { testNamePattern });
      }),
    );
    const verdicts: Record<string, Record<string, string>> = {};
    for (const module of testModules) {
      const ran = [...module.children.allTests()].filter((test) => test.result().state !== 'skipped');
      verdicts[module.project.name] = Object.fromEntries(ran.map((test: TestCase) => [test.name, test.result().state]));
    }
    console.log(JSON.stringify(verdicts satisfies Verdicts));
  } finally {
    await vitest.close();
  }
}

const asked = process.argv.slice(2);
await main(asked.length > 0 ? asked : Object.keys(breaks));
process.exit(0);
