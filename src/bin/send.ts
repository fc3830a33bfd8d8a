import { createReadStream, statSync } from 'node:fs';
import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import type { Config, Environment } from '../config/variables.js';
import { configOf, type Run, type Terminal } from './process/command.js';
import { Refusal } from './process/refusal.js';
import { textIn } from './process/text-file.js';
import type { Destination } from './send/destination.js';
import { type Line, LineFault, linesOf } from './send/lines.js';
import { count, counted, newTally, type Outcome, shownOutcome } from './send/outcome.js';
import type { Letter } from './send/post.js';
import { toDev } from './send/to-dev.js';
import { loadSchema, schemaFileOf } from './settings/load.js';

const usage = 'usage: tailrace send <topic> [--key <text>] [--header <name>=<value>] [--timestamp <time>] [<file> | -]';

const options = {
  key: { type: 'string' },
  header: { type: 'string', multiple: true },
  timestamp: { type: 'string' },
} as const;

/** Outcomes of one kind that are shown by themselves; a file of a thousand bad lines would fill the terminal. */
const mostShown = 10;

/**
 * `tailrace send orders orders.jsonl`: hands the records of a file or of stdin, a line each, to Kafka where
 * TAILRACE_KAFKA_BROKERS is set, else to a running `tailrace dev`, and says what became of them. Resolves with 0, with 1
 * when one of them is a dead letter, with 2 when the arguments are not understood. Throws Refusal.
 */
export const send: Run = async (args, env, terminal) => {
  const asked = askedIn(args);
  if (typeof asked === 'string') {
    terminal.err(asked);
    if (asked !== usage) terminal.err(usage);
    return 2;
  }
  const config = configOf(env, 'send');
  const input = inputOf(asked.file, asked.letter.topic);
  const destination = await destinationOf(config, env, asked.letter);
  try {
    await destination.open();
    return await sendAll(input, destination, terminal);
  } finally {
    await destination.close();
  }
};

interface Asked {
  readonly letter: Letter;
  readonly file: string;
}

/** What is asked for, or what is wrong with it. */
function askedIn(args: readonly string[]): Asked | string {
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  const [topic, file = '-', ...more] = positionals;
  if (topic === undefined || more.length > 0) return usage;
  const headers: [string, string][] = [];
  for (const text of values.header ?? []) {
    const at = text.indexOf('=');
    if (at < 1) return `--header must be name=value, not ${JSON.stringify(text)}.`;
    headers.push([text.slice(0, at), text.slice(at + 1)]);
  }
  const timestamp = values.timestamp === undefined ? null : timeIn(values.timestamp);
  if (Number.isNaN(timestamp))
    return `--timestamp must be milliseconds since 1970 or a time like 2026-11-30T12:00:00Z, not ${JSON.stringify(values.timestamp)}.`;
  return { letter: { topic, key: values.key ?? null, headers: Object.fromEntries(headers), timestamp }, file };
}

const timeIn = (text: string): number => (/^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text));

/** Where records come from. */
interface Input {
  /** A line's place, as messages call it. */
  place(number: number): string;
  /** The file's name, when it can be read more than once; null for a pipe. */
  readonly file: string | null;
  /** Whether a person types it, who wants to see what became of each. */
  readonly isTyped: boolean;
  open(): AsyncIterable<Buffer>;
}

/** The input that is named. Throws Refusal when there is no such file. */
function inputOf(file: string, topic: string): Input {
  const { stdin } = process;
  if (file === '-') {
    return { place: (number) => `line ${number}`, file: null, isTyped: stdin.isTTY === true, open: () => stdin };
  }
  let isFolder = false;
  let isRegular = false;
  try {
    const found = statSync(file);
    isFolder = found.isDirectory();
    isRegular = found.isFile();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code !== 'ENOENT' && code !== 'ENAMETOOLONG') throw new Refusal(`${file} cannot be read (${code}).`);
    throw new Refusal(
      /^\s*[[{"]/.test(file)
        ? `There is no file ${file}. Records come from a file, or through a pipe: echo '…' | tailrace send ${topic}`
        : `There is no file ${file}.`,
    );
  }
  if (isFolder) throw new Refusal(`${file} is a folder, not a file with a record a line.`);
  const open = async function* (): AsyncGenerator<Buffer> {
    try {
      yield* createReadStream(file);
    } catch (error) {
      throw new Refusal(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  return { place: (number) => `${file}:${number}`, file: isRegular ? file : null, isTyped: false, open };
}

async function destinationOf(config: Config<'send'>, env: Environment, letter: Letter): Promise<Destination> {
  if (config.kafkaBrokers.length === 0) return toDev(config, letter);
  const file = schemaFileOf(config.schema, env);
  const { schema } = loadSchema(file, config);
  // The Kafka client is loaded when it is needed: it takes longer than all else here.
  const { toKafka } = await import('./send/to-kafka.js');
  return toKafka(config, letter, { schema, file: relative('.', file) || file });
}

async function sendAll(input: Input, destination: Destination, { out, err }: Terminal): Promise<number> {
  const { place, file, isTyped } = input;
  // A file is looked through first: half of it sent would be sent again once its fault is mended.
  if (file !== null) await checked(input, file, destination);
  else if (isTyped) err('Records from the terminal, one a line; Ctrl-D ends.');

  const tally = newTally();
  const shown = new Map<string, number>();
  const told = (line: Line, outcome: Outcome) => {
    count(tally, outcome);
    const kind = `${outcome.fault?.reason} ${outcome.nobody}`;
    const before = shown.get(kind) ?? 0;
    shown.set(kind, before + 1);
    if (before < mostShown || isTyped)
      out(`${place(line.number)}: ${shownOutcome(outcome, destination.placeOf(outcome))}`);
    else if (before === mostShown) out('…');
  };
  try {
    for await (const lines of linesOf(input.open(), destination.most)) await destination.send(lines, told);
  } catch (error) {
    if (tally.records > 0) out(destination.sum(tally));
    const { records } = tally;
    const before =
      records === 0
        ? 'Nothing was sent.'
        : `The ${counted(records, 'record')} before it ${records === 1 ? 'was' : 'were'} sent.`;
    if (error instanceof LineFault) throw new Refusal(`${place(error.number)} ${error.why}. ${before}`);
    if (error instanceof Refusal && records > 0) throw new Refusal(...error.lines, before);
    throw error;
  }
  out(destination.sum(tally));
  return tally.letters > 0 ? 1 : 0;
}

/** Looks through a file. Throws Refusal where a line of it is no record. */
async function checked({ place, open }: Input, file: string, { most }: Destination): Promise<void> {
  try {
    for await (const _ of linesOf(open(), most));
  } catch (error) {
    if (!(error instanceof LineFault)) throw error;
    const hint = error.reason === 'not-json' ? overLines(file) : '';
    throw new Refusal(`${place(error.number)} ${error.why}. ${hint}Nothing was sent.`);
  }
}

/** What to do about a file that is one JSON text over several lines. */
function overLines(file: string): string {
  try {
    if (statSync(file).size > 16 * 1024 * 1024) return '';
    const isList = Array.isArray(JSON.parse(textIn(file)));
    const made = isList
      ? `\`jq -c '.[]' ${file}\` makes a line of each of its elements`
      : `\`jq -c . ${file}\` makes a line of it`;
    return `Each line is a record, and this is one over several lines: ${made}. `;
  } catch {
    return '';
  }
}
