import { randomUUID } from 'node:crypto';
import { socket } from '../../clients/socket.js';
import { eventually } from '../../support/eventually.js';
import { type Result, tokenFor } from '../../support/river.js';
import {
  type Ask,
  type Case,
  contentFor,
  type Field,
  mayAsk,
  maySee,
  type Note,
  queryOf,
  type Rights,
} from './case.js';
import type { Facts } from './rules.js';

/** Everything that was ever produced, with what a rule may see of its record. */
export type History = readonly { readonly note: Note; readonly topic: string; readonly record: Facts['record'] }[];

interface Had {
  readonly rights: Rights;
  /** The first event that can have been judged by them alone. */
  readonly since: number;
  /** Messages from here on may have been judged by them; once the next ones are acknowledged no more. */
  readonly from: number;
}
interface Asked {
  readonly field: Field;
  readonly ask: Ask;
  readonly start: number;
}

/** A WebSocket of a real gateway with a token that is renewed and revoked, and all that came over it, in its order. */
export async function line(given: Case, history: History, wsUrl: string, rights: Rights) {
  const client = socket(wsUrl);
  const { messages } = client;
  const jti = randomUUID();
  const had: Had[] = [{ rights, since: 0, from: 0 }];
  /** Where the rights after each were acknowledged. */
  const ended: number[] = [];
  const asked = new Map<string, Asked>();
  const failures: string[] = [];
  let closed: number | null = null;
  void client.closed.then(({ code }) => {
    closed = code;
  });
  const authorization = async (now: Rights) =>
    now === null ? {} : { Authorization: `Bearer ${await tokenFor({ ...now, jti })}` };
  await client.init(await authorization(rights));

  function faultsOf(message: Result, at: number): string[] {
    const { field, ask } = asked.get(message.id) as Asked;
    const found = message.payload.data?.[ask.alias];
    const event = history[found?.seq];
    if (!event) return [`shown what never was: ${JSON.stringify(message)}`];
    const possible = had.filter(({ from }, n) => from <= at && at <= (ended[n] ?? Number.POSITIVE_INFINITY));
    const right = possible.some(
      ({ rights }) =>
        event.topic === field.topic &&
        maySee(given, field, ask, rights, event.note, event.record) &&
        Object.entries(contentFor(ask, rights)).every(([name, content]) => found[name] === content),
    );
    return right
      ? []
      : [`LEAK to ${JSON.stringify(possible)} who asked ${JSON.stringify(ask)}: ${JSON.stringify(message)}`];
  }

  return {
    isClosed: () => closed !== null,
    shown: () => messages.filter(({ type }) => type === 'next').length,

    async ask(field: Field, ask: Ask) {
      const id = String(asked.size);
      const { rights: now } = had.at(-1) as Had;
      asked.set(id, { field, ask, start: Number.POSITIVE_INFINITY });
      // A stream begins with a ping; one with `rewind` has no cursor for it yet.
      const pings = () => messages.filter(({ type }) => type === 'ping').length;
      const before = pings();
      const isRefused = () => messages.some(({ type, id: its }) => type === 'error' && its === id);
      await client.subscribe(id, queryOf(given, field, ask));
      await eventually('an answer', () => closed !== null || pings() > before || isRefused(), { every: 2 });
      const refused = messages.find(({ type, id: its }) => type === 'error' && its === id);
      if (Boolean(refused) === mayAsk(field, ask, now))
        failures.push(`${refused ? 'refused' : 'let in'}: ${JSON.stringify([now, field.access, ask, refused])}`);
      if (!refused) asked.set(id, { field, ask, start: history.length });
    },

    async renew(rights: Rights) {
      if (closed !== null || rights === null || had[0]?.rights === null) return;
      const pongs = () => messages.filter(({ type, payload }) => type === 'pong' && payload?.ok !== undefined);
      const { length } = pongs();
      const now = { ...rights, sub: had[0]?.rights.sub };
      had.push({ rights: now, since: Number.POSITIVE_INFINITY, from: messages.length });
      await client.send({ type: 'ping', payload: await authorization(now) });
      const pong = await eventually('a pong', () => pongs()[length] ?? null, { every: 2 });
      if (!pong.payload.ok) failures.push(`not renewed: ${JSON.stringify(pong)}`);
      ended.push(messages.indexOf(pong));
      had[had.length - 1] = { ...(had.at(-1) as Had), since: history.length };
    },

    async revoke(by: (claims: Record<string, string>) => Promise<unknown>) {
      if (had[0]?.rights === null) return;
      await by({ jti });
      const code = await eventually('its end', () => closed, { within: 1_000, every: 2 });
      if (code !== 4403) failures.push(`closed with ${code}`);
    },

    faults(): string[] {
      const shown = messages.flatMap((message, at) => (message.type === 'next' ? faultsOf(message, at) : []));
      return [...failures, ...shown];
    },

    /** Events that must have come over it and did not. */
    missing(): readonly number[] {
      if (closed !== null) return [];
      return [...asked].flatMap(([id, { field, ask, start }]) => {
        const own = messages.filter((message) => message.type === 'next' && message.id === id);
        const seqs = own.map(({ payload }) => payload.data[ask.alias].seq as number);
        if (field.conflated) return [];
        return history.slice(start).flatMap(({ note, topic, record }) => {
          const begun = had.findLastIndex(({ since }) => since <= note.seq);
          const due = had.every(({ rights }, n) => n < begun || maySee(given, field, ask, rights, note, record));
          // Refused at one renewal, an operation is over.
          const over = had.some(({ rights }) => !mayAsk(field, ask, rights));
          return topic === field.topic && due && !over && !seqs.includes(note.seq) ? [note.seq] : [];
        });
      });
    },

    [Symbol.asyncDispose]: client[Symbol.asyncDispose],
  };
}

export type Line = Awaited<ReturnType<typeof line>>;
