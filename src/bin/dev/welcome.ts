import { defaultCluster } from '../../event/source-event.js';
import type { StreamSchema } from '../../schema/stream-schema.js';
import { sampled } from '../sample/record.js';
import { exampleOf } from '../settings/graphiql.js';

/** A viewer that `dev` makes a token for. */
export interface DevViewer {
  readonly name: string;
  readonly token: string;
}

export interface WelcomeParts {
  /** Where the gateway is, with its base path: `http://127.0.0.1:4000`. */
  readonly address: string;
  /** Null when the admin port could not be had. */
  readonly admin: string | null;
  readonly graphiql: boolean;
  readonly schema: StreamSchema;
  readonly schemaFile: string;
  /** How one calls `tailrace` here. */
  readonly command: string;
  /** The Kafka that is read; empty for none. */
  readonly brokers: readonly string[];
  /** Empty when tokens are verified by keys that are not ours. */
  readonly viewers: readonly DevViewer[];
}

/** What `tailrace dev` prints when it is ready: where to look, who to be, what to try. */
export function welcome(parts: WelcomeParts): readonly string[] {
  const { address, admin, graphiql, schema, schemaFile, brokers, viewers } = parts;
  const isKafka = brokers.length > 0;
  const samples = isKafka ? [] : sampled(schema);
  const own = [...schema.topics.in(defaultCluster).keys()].filter((topic) => !samples.includes(topic));
  return [
    isKafka
      ? `Tailrace streams ${schemaFile} from Kafka at ${brokers.join(', ')}, in this process alone: no Redis, nothing kept.`
      : `Tailrace streams ${schemaFile} in this process alone: no Kafka, no Redis, nothing kept.`,
    '',
    ...(graphiql ? [row('GraphiQL', `${address}/graphql`)] : []),
    row('WebSocket', `${address.replace(/^http/, 'ws')}/graphql`),
    row('SSE', `${address}/graphql/stream`),
    ...(admin === null ? [] : [row('metrics', `${admin}/metrics`)]),
    ...(samples.length > 0 ? [row('samples', samples.join(', '))] : []),
    ...(own.length > 0 ? [row(isKafka ? 'from Kafka' : 'your own', own.join(', '))] : []),
    ...viewers.flatMap(({ name, token }) => ['', `  token of ${name}`, `  ${token}`]),
    ...tries(parts, samples, own),
    '',
  ];
}

const row = (name: string, text: string) => `  ${name.padEnd(14)} ${text}`;

function tries(
  { address, schema, viewers, brokers, command }: WelcomeParts,
  samples: readonly string[],
  [own]: readonly string[],
): readonly string[] {
  const token = viewers[0]?.token ?? null;
  const isLike = (field: string) => samples.length > 0 && schema.fields.has(field);
  const [, query = ''] = /^(subscription [\s\S]*)/m.exec(exampleOf(schema)) ?? [];
  return [
    ...(isLike('transaction') && token !== null
      ? ['', '  in a terminal:', curl(address, token, 'subscription { transaction { id amount merchant { name } } }')]
      : []),
    ...(isLike('vehicle') ? ['', ...eventSource(address)] : []),
    ...(own !== undefined && query !== '' && samples.length === 0
      ? ['', '  in a terminal:', curl(address, token, query.trim().replace(/\s+/g, ' '))]
      : []),
    ...(own !== undefined && brokers.length === 0
      ? ['', `  in another terminal, a record of ${own}, one JSON a line:`, `  ${command} send ${own} records.jsonl`]
      : []),
  ];
}

const curl = (address: string, token: string | null, query: string): string =>
  `  curl -N ${address}/graphql/stream ${token === null ? '' : `-H 'authorization: Bearer ${token}' `}-H 'content-type: application/json' -d '${JSON.stringify({ query })}'`;

const eventSource = (address: string): readonly string[] => [
  '  in a browser’s console:',
  `  new EventSource('${address}/graphql/stream?query=' + encodeURIComponent('subscription { vehicle(id: "tram-6-01") { lat long speed } }')).addEventListener('next', (event) => console.log(event.data))`,
];
