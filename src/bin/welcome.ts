import type { StreamSchema } from '../schema/stream-schema.js';
import { sampleTopics } from './sample/record.js';

/** A viewer that `dev` makes a token for. */
export interface DevViewer {
  readonly name: string;
  readonly token: string;
}

export interface WelcomeParts {
  /** Where the gateway is: `http://127.0.0.1:4000`. */
  readonly address: string;
  /** Null when the admin port could not be had. */
  readonly admin: string | null;
  readonly graphiql: boolean;
  readonly schema: StreamSchema;
  readonly schemaFile: string;
  /** Empty when tokens are verified by keys that are not ours. */
  readonly viewers: readonly DevViewer[];
}

/** What `tailrace dev` prints when it is ready: where to look, who to be, what to try. */
export function welcome({ address, admin, graphiql, schema, schemaFile, viewers }: WelcomeParts): readonly string[] {
  const { fed, unfed } = feeding(schema);
  const row = (name: string, text: string) => `  ${name.padEnd(14)} ${text}`;
  const [first] = viewers;
  return [
    `Tailrace streams ${schemaFile} in this process alone: no Kafka, no Redis, nothing kept.`,
    '',
    ...(graphiql ? [row('GraphiQL', `${address}/graphql`)] : []),
    row('WebSocket', `${address.replace(/^http/, 'ws')}/graphql`),
    row('SSE', `${address}/graphql/stream`),
    ...(admin === null ? [] : [row('metrics', `${admin}/metrics`)]),
    ...(fed.length > 0 ? [row('samples', fed.join(', '))] : []),
    ...unfed.map((topic) =>
      row(
        'not fed',
        `${topic}: no sample has this topic, and dev reads no Kafka: \`tailrace relay\` and \`tailrace gateway\` do`,
      ),
    ),
    ...viewers.flatMap(({ name, token }) => ['', `  token of ${name}`, `  ${token}`]),
    ...(fed.length > 0 && schema.fields.has('transaction') && first !== undefined
      ? ['', ...curl(address, first.token)]
      : []),
    ...(fed.length > 0 && schema.fields.has('vehicle') ? ['', ...eventSource(address)] : []),
    '',
  ];
}

/** Topics of the schema that the samples feed, and those that stay silent. */
export function feeding(schema: StreamSchema): { readonly fed: readonly string[]; readonly unfed: readonly string[] } {
  const topics = [...schema.topics.keys()];
  return {
    fed: topics.filter((topic) => Object.hasOwn(sampleTopics, topic)),
    unfed: topics.filter((topic) => !Object.hasOwn(sampleTopics, topic)),
  };
}

const curl = (address: string, token: string): readonly string[] => [
  '  in a terminal:',
  `  curl -N ${address}/graphql/stream -H 'authorization: Bearer ${token}' -H 'content-type: application/json' -d '{"query":"subscription { transaction { id amount merchant { name } } }"}'`,
];

const eventSource = (address: string): readonly string[] => [
  '  in a browser’s console:',
  `  new EventSource('${address}/graphql/stream?query=' + encodeURIComponent('subscription { vehicle(id: "tram-6-01") { lat long speed } }')).addEventListener('next', (event) => console.log(event.data))`,
];
