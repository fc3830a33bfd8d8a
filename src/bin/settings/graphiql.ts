import { parse as parsePath } from 'node:path';
import {
  getNamedType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  isRequiredArgument,
  parse,
  validate,
} from 'graphql';
import type { GraphiQLOptions } from 'graphql-yoga';
import type { StreamSchema } from '../../schema/stream-schema.js';
import { titleOf } from '../../serve/http/graphiql-page.js';

/** What GraphiQL opens with, in tabs, where they are good for the schema: the sample's, or one that is like it. */
const examples: readonly string[] = [
  `# Press play: your card payments, live.
# Who you are: the token under Headers.
subscription MyTransactions {
  transaction(minAmount: 5) {
    id
    amount
    currency
    merchant {
      name
      city
    }
    cardNumber
    createdAt
  }
}
`,
  `# Public: one tram. Without id: all of them.
subscription Tram {
  vehicle(id: "tram-6-01") {
    label
    line
    lat
    long
    speed
    status
  }
}
`,
];

/** GraphiQL's page of a gateway for the schema in this file. */
export const graphiqlOf = (streams: StreamSchema, file: string): GraphiQLOptions => ({
  ...named(streams, file),
  defaultQuery: exampleOf(streams),
});

/**
 * The same of `dev`: nothing in it is loaded from elsewhere. The browser must not keep the token: the next `dev` signs
 * with another key, and GraphiQL would prefer the kept one. For the same reason the example is given as the page's
 * query, not as a default: a default loses to whatever another project left in the browser under this port. To what its
 * author has written for a schema of their own, theirs shall lose.
 */
export function graphiqlOfDev(streams: StreamSchema, file: string, token: string | null): GraphiQLOptions {
  const found = examples.filter((query) => validate(streams.graphql, parse(query)).length === 0);
  const headers = token === null ? null : JSON.stringify({ authorization: `Bearer ${token}` }, null, 2);
  const [query] = found;
  return {
    ...named(streams, file),
    shouldPersistHeaders: false,
    ...(headers === null ? {} : { headers, initialHeaders: headers, defaultEditorToolsVisibility: 'headers' as const }),
    ...(query === undefined
      ? { defaultQuery: exampleOf(streams) }
      : { query, defaultTabs: found.map((text) => ({ query: text, headers })) }),
  };
}

/** A schema that does not say what it is called is called as its file, unless that is every schema's name. */
function named({ graphql }: StreamSchema, file: string): Pick<GraphiQLOptions, 'title'> {
  const { name } = parsePath(file);
  return graphql.description || name === 'schema' ? {} : { title: titleOf(name) };
}

/** The tab that opens first. GraphiQL's own text would say that Tailrace is a tool in the browser. */
export function exampleOf({ graphql, fields }: StreamSchema): string {
  const all = Object.values(graphql.getSubscriptionType()?.getFields() ?? {});
  const field = all.find(({ name, args }) => fields.has(name) && !args.some(isRequiredArgument));
  if (field === undefined) return '# Write a subscription of your schema, and press play.\n';
  const type = getNamedType(field.type);
  const read =
    isObjectType(type) || isInterfaceType(type)
      ? Object.values(type.getFields())
          .filter((own) => !isCompositeType(getNamedType(own.type)) && !own.args.some(isRequiredArgument))
          .map(({ name }) => `    ${name}\n`)
      : [];
  const selection = isCompositeType(type) ? ` {\n${read.join('') || '    __typename\n'}  }` : '';
  return `# Press play, and events appear as they come.\nsubscription {\n  ${field.name}${selection}\n}\n`;
}
