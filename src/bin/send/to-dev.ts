import type { z } from 'zod';
import type { Config } from '../../config/variables.js';
import { Refusal } from '../process/refusal.js';
import type { Destination } from './destination.js';
import { counted, numeral, type Tally } from './outcome.js';
import { answerShape, type Letter, mostOfRecord, type Post } from './post.js';

type Settings = Pick<Config<'send'>, 'adminHost' | 'adminPort' | 'adminToken'>;

/** Milliseconds that `dev` may take to answer. */
const patience = 30_000;

/** A `tailrace dev` on this machine, by its admin port. */
export function toDev({ adminHost, adminPort, adminToken }: Settings, letter: Letter): Destination {
  const address = `http://${hostOf(adminHost)}:${adminPort}`;

  async function post(records: readonly string[]): Promise<z.infer<typeof answerShape>['outcomes']> {
    const body: Post = { ...letter, records: [...records] };
    const response = await fetch(`${address}/send`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(adminToken === null ? {} : { authorization: `Bearer ${adminToken}` }),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(patience),
    }).catch((error: unknown) => {
      throw new Refusal(unreached(address, error));
    });
    const text = await response.text();
    if (response.status === 401) {
      throw new Refusal(`${address} asks for a token: set TAILRACE_ADMIN_TOKEN to what its \`tailrace dev\` has.`);
    }
    if (response.status === 400 || response.status === 413) throw new Refusal(text.trim());
    const answer = response.ok ? answerShape.safeParse(parsed(text)) : null;
    if (!answer?.success) throw new Refusal(noDev(address));
    return answer.data.outcomes;
  }

  return {
    most: { bytes: mostOfRecord, whose: 'dev takes, and Kafka unless told otherwise' },
    async open() {
      if (adminPort === 0)
        throw new Refusal('TAILRACE_ADMIN_PORT is 0: set it to the port that `tailrace dev` printed.');
      await post([]);
    },
    async send(lines, told) {
      const outcomes = await post(lines.map(({ bytes }) => bytes.toString('utf8')));
      for (const [i, line] of lines.entries()) {
        const outcome = outcomes[i];
        if (outcome === undefined) throw new Refusal(noDev(address));
        told(line, outcome);
      }
    },
    placeOf: ({ offset }) => `offset ${offset}`,
    sum: (tally) => `${counted(tally.records, 'record')} of ${letter.topic} sent to dev${became(tally)}.`,
    close: async () => {},
  };
}

function became({ records, routed, shown, nobody, letters }: Tally): string {
  if (records === 0) return '';
  const parts = [
    `${numeral(routed)} routed, of which ${numeral(shown)} to an open stream`,
    ...(nobody > 0 ? [`${numeral(nobody)} for nobody`] : []),
    ...(letters > 0 ? [counted(letters, 'dead letter')] : []),
  ];
  return `: ${parts.join(', ')}`;
}

/** The host to ask: a `dev` that listens everywhere (`0.0.0.0`) listens here too. */
const hostOf = (host: string): string =>
  host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;

const noDev = (address: string) =>
  `What answers at ${address} is no \`tailrace dev\`: only that takes records. To send to Kafka, set TAILRACE_KAFKA_BROKERS.`;

function unreached(address: string, error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') {
    return `What listens at ${address} does not answer. TAILRACE_ADMIN_PORT says where \`tailrace dev\` is.`;
  }
  return `No \`tailrace dev\` answers at ${address}: start it in another terminal, or set TAILRACE_KAFKA_BROKERS to send to Kafka. TAILRACE_ADMIN_PORT says where it is.`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
