import type { GraphQLSchema } from 'graphql';
import type { GraphiQLOptions } from 'graphql-yoga';

const wave = (color: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="24" height="24" fill="none" stroke="${color}" stroke-width="2" stroke-linecap="round"><path d="M2 7c3-3 6 3 10 0s7 3 10 0M2 12c3-3 6 3 10 0s7 3 10 0M2 17c3-3 6 3 10 0s7 3 10 0"/></svg>`;

/**
 * GraphiQL's page as Tailrace's, where it is not given otherwise: else it is headed by the name of the library that brings it,
 * and of several tabs nobody could tell which gateway is which.
 */
export const graphiqlPage = (schema: GraphQLSchema, given: GraphiQLOptions): GraphiQLOptions => ({
  title: titleOf(schema.description?.split('\n', 1)[0]?.trim() || null),
  logo: wave('#0a7ea4'),
  favicon: `data:image/svg+xml,${encodeURIComponent(wave('#0a7ea4'))}`,
  ...given,
});

/** Stands in the browser's tab and beside the logo; `name` is the schema's. In HTML, as the page takes it for that. */
export const titleOf = (name: string | null): string => (name === null ? 'Tailrace' : `Tailrace: ${escaped(name)}`);

const escaped = (text: string): string => text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
