import { auditServer } from 'graphql-http';
import { expect, test } from 'vitest';
import { sampleRiver } from '../support/sample.js';

test("/graphql keeps to the GraphQL over HTTP specification: all of graphql-http's audits are ok", async () => {
  await using r = await sampleRiver();
  const results = await auditServer({ url: r.url });
  const failed = results.flatMap((result) =>
    result.status === 'ok' ? [] : [`${result.status} ${result.id} ${result.name}: ${result.reason}`],
  );
  expect(failed).toEqual([]);
  expect(results).toHaveLength(61);
});
