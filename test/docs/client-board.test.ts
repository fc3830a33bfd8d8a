import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { build, type Plugin } from 'esbuild';
import { expect, test } from 'vitest';

const require = createRequire(import.meta.url);
const [, board = ''] = /```tsx\n(\/\/ board\.tsx\n[\s\S]*?)```/.exec(readFileSync('docs/clients.md', 'utf8')) ?? [];

/** What stands in for the kit, and for client.ts: a subscription that is as a test says. */
const kit = (events: string): Plugin => ({
  name: 'kit',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(tailrace-client|\.)/ }, ({ path }) => ({ path, namespace: 'kit' }));
    onLoad({ filter: /./, namespace: 'kit' }, () => ({
      contents: `export const client = {};
        export const EventsProvider = ({ children }) => children;
        export const useConnection = () => null;
        export const useEvents = () => (${events});`,
    }));
  },
});

/** The board of docs/clients.md, as a page shows it. */
async function shown(events: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: board, loader: 'tsx' },
    bundle: true,
    format: 'cjs',
    jsx: 'automatic',
    external: ['react'],
    plugins: [kit(events)],
    write: false,
  });
  const made = { exports: {} as { App: never } };
  new Function('require', 'module', outputFiles[0]?.text ?? '')(require, made);
  return require('react-dom/server').renderToStaticMarkup(require('react').createElement(made.exports.App));
}

test('who copies the board of docs/clients.md is shown why a subscription was refused, and waits for nothing', async () => {
  const refused = await shown('{ events: [], error: new Error("FORBIDDEN"), ready: false }');
  expect(refused).toContain('FORBIDDEN');
  expect(refused).not.toContain('One moment');
  expect(await shown('{ events: [], error: null, ready: false }')).toContain('One moment');
  expect(await shown('{ events: [{ id: "1", amount: 12 }], error: null, ready: true }')).toContain('<li>12</li>');
});
