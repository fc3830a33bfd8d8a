import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { preset } from '@graphql-codegen/client-preset';
import { codegen } from '@graphql-codegen/core';
import * as typedDocumentNode from '@graphql-codegen/typed-document-node';
import * as typescriptOperations from '@graphql-codegen/typescript-operations';
import { buildSchema, parse, validate } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { schema } from '../../src/bin/schema.js';

const subscription = (name: string) => `
  subscription ${name}($cursor: String, $least: Float) @resume(after: $cursor, onGap: CONTINUE) {
    transaction(minAmount: $least) { id amount status merchant { city } }
  }`;
const payments = subscription('Payments');

/** What a page does with the types of that subscription, and what it must not be able to do. */
const page = (imports: string, variables: string, data: string) => `
  ${imports}
  type Variables = ${variables};
  type Data = ${data};
  export const begun: Variables = {};
  export const resumed: Variables = { cursor: 'AZO08', least: 10 };
  // @ts-expect-error a cursor is text
  export const wrong: Variables = { cursor: 7 };
  // @ts-expect-error there is no such variable
  export const more: Variables = { after: 'AZO08' };
  export function show({ transaction }: Data): [string, number, string, string] {
    return [transaction.id, transaction.amount, transaction.status, transaction.merchant.city];
  }
  export function rejected({ transaction }: Data): string {
    // @ts-expect-error there is no such status
    if (transaction.status === 'LOST') return '';
    // @ts-expect-error it was not asked for
    return transaction.currency;
  }`;

let folder: string;
let sdl: string;
const at = (path: string) => join(folder, path);

function write(path: string, text: string) {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tailrace-codegens-'));
  const lines: string[] = [];
  await schema(['schema.graphql'], {}, { out: (line) => void lines.push(line), err: console.error });
  sdl = lines.join('\n');
  write('public.graphql', sdl);
  write('package.json', '{ "type": "module" }');
  symlinkSync(resolve('node_modules'), at('node_modules'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What a program has to say, which is nothing where it is content. */
function complaints(command: string, ...words: readonly string[]): string {
  const { stdout, stderr, status } = spawnSync(command, words, { cwd: folder, encoding: 'utf8' });
  return status === 0 ? '' : `${command} ${status}: ${stdout}${stderr}`;
}

function misfits(...files: readonly string[]): string {
  const modules = ['--module', 'esnext', '--moduleResolution', 'bundler', '--target', 'es2022', '--types', 'node'];
  return complaints(resolve('node_modules/.bin/tsc'), '--strict', '--noEmit', '--skipLibCheck', ...modules, ...files);
}

const given = (file: string) => ({
  schema: parse(sdl),
  schemaAst: buildSchema(sdl),
  documents: [{ location: at(file), document: parse(payments), rawSDL: payments }],
});

describe('from what tailrace schema prints, the types of a subscription that resumes are right', () => {
  test('by the client preset of graphql-codegen', async () => {
    const sections = await preset.buildGeneratesSection({
      ...given('preset/page.ts'),
      baseOutputDir: 'preset/gql/',
      config: {},
      presetConfig: {},
      plugins: [],
      pluginMap: {},
    });
    for (const section of sections) write(section.filename, await codegen(section));
    const imports = `
      import type { ResultOf, VariablesOf } from '@graphql-typed-document-node/core';
      import { graphql } from './gql';
      export const Payments = graphql(${JSON.stringify(payments)});`;
    write('preset/page.ts', page(imports, 'VariablesOf<typeof Payments>', 'ResultOf<typeof Payments>'));
    expect(misfits('preset/page.ts')).toBe('');
  });

  test('by graphql-codegen as Apollo’s documentation sets it up, for an Apollo Client', async () => {
    const filename = 'apollo/payments.ts';
    const text = await codegen({
      ...given('apollo/payments.graphql'),
      filename,
      pluginMap: { operations: typescriptOperations, documents: typedDocumentNode },
      plugins: [{ operations: {} }, { documents: {} }],
      config: {
        avoidOptionals: { field: true, inputValue: false },
        defaultScalarType: 'unknown',
        nonOptionalTypename: true,
        skipTypeNameForRoot: true,
      },
    });
    write(filename, text);
    const imports = `
      import type { ApolloClient } from '@apollo/client';
      import type { ResultOf, VariablesOf } from '@graphql-typed-document-node/core';
      import { PaymentsDocument as query } from './payments';
      export const resume = (client: ApolloClient, cursor: string) =>
        client.subscribe({ query, variables: { cursor } }).subscribe(({ data }) => data?.transaction.merchant.city.length);
      // @ts-expect-error a cursor is text
      export const mistaken = (client: ApolloClient) => client.subscribe({ query, variables: { cursor: 7 } });`;
    write('apollo/page.ts', page(imports, 'VariablesOf<typeof query>', 'ResultOf<typeof query>'));
    expect(misfits('apollo/page.ts')).toBe('');
  });

  test('by Relay’s compiler, and its operation still says where it begins', () => {
    const artifacts = 'relay/__generated__';
    const config = { src: './relay', schema: './public.graphql', language: 'typescript', eagerEsModules: true };
    mkdirSync(at(artifacts), { recursive: true });
    write('relay.config.json', JSON.stringify({ ...config, artifactDirectory: artifacts }));
    const text = `graphql\`${subscription('paymentsSubscription')}\``;
    write('relay/payments.ts', `import { graphql } from 'relay-runtime';\nexport const subscription = ${text};`);
    expect(complaints(process.execPath, resolve('node_modules/relay-compiler/cli.js'), 'relay.config.json')).toBe('');

    const artifact = readFileSync(at(`${artifacts}/paymentsSubscription.graphql.ts`), 'utf8');
    const sent = JSON.parse(/"text": (".*")/.exec(artifact)?.[1] ?? '""');
    expect(sent).toContain('@resume(after: $cursor, onGap: CONTINUE)');
    expect(validate(buildSchema(sdl), parse(sent))).toEqual([]);
    const imports = "import type { paymentsSubscription as Its } from './__generated__/paymentsSubscription.graphql';";
    write('relay/page.ts', page(imports, "Its['variables']", "Its['response']"));
    expect(misfits('relay/page.ts', 'relay/payments.ts')).toBe('');
  });
});
