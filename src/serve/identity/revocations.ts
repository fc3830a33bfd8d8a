import { Fault } from '../../event/faults.js';
import type { Viewer } from '../../graphql/viewer.js';
import type { Logger } from '../../observe/logger.js';
import { isClaimName } from '../../schema/claims.js';
import { noPath } from '../../schema/path.js';
import type { Replicas } from '../replicas/replicas.js';
import { clockStep } from './clock-steps.js';
import { defaultLeeway, refuseFuture } from './issued.js';
import { type Revocation, RevocationList, revoked } from './revocation.js';
import type { RevocationStore } from './revocation-store.js';

export interface RevocationsParts {
  readonly store: RevocationStore;
  readonly replicas: Replicas;
  readonly logger: Logger;
  /** Milliseconds that a token lives at most. */
  readonly tokenLife: number;
  /** Milliseconds by which the clocks of who signs and who revokes may differ. Default 5000. */
  readonly leeway?: number;
  /** Milliseconds between two looks into the store: for a replica that was not told. */
  readonly every: number;
  /** There may be viewers now whose token was revoked. `news` are those added since this replica began. */
  readonly changed: (news: readonly Revocation[]) => void;
}

export interface Revocations {
  /** False until the store was read for the first time: nobody can be let in before. */
  known(): boolean;
  isRevoked(viewer: Viewer): boolean;
  /** Throws Fault: UNAUTHENTICATED when the viewer's token was revoked or comes from the future, UNAVAILABLE while nobody knows. */
  check(viewer: Viewer): void;
  /**
   * Stores a revocation, and tells all replicas. Throws Fault: BAD_USER_INPUT for claims that would mean everybody or nobody,
   * UNAVAILABLE when it is not stored.
   */
  revoke(claims: Revocation['claims']): Promise<Revocation>;
  list(): readonly Revocation[];
  /** Idempotent. */
  close(): void;
}

/** Told to whoever has signed in again so soon that it cannot be told from before. */
const tooSoon = (leeway: number) =>
  new Fault('UNAUTHENTICATED', {
    why: `the token was revoked: it was issued less than ${leeway / 1_000} s after that, sign in anew`,
  });

/** Milliseconds before the mark that are read again: Redis's clock may stand back a little after a failover, and what was added then would lie behind the mark. */
const overlap = 60_000;
/** Milliseconds until a store that could not be read is asked again. */
const retry = 500;

export function revocationsOf(parts: RevocationsParts): Revocations {
  const { store, replicas, logger, leeway = defaultLeeway } = parts;
  // The life of the last token that a revocation takes in.
  const tokenLife = parts.tokenLife + leeway;
  const list = new RevocationList();
  let mark = 0;
  let known = false;
  let closed = false;
  let again: NodeJS.Timeout | undefined;
  /** From where the next reading has to begin, if not from the mark: an earlier one has failed, or another Redis is there. */
  let owed = Number.POSITIVE_INFINITY;
  let reading = Promise.resolve();
  let next: Promise<void> | null = null;

  /**
   * Resolves when all that is stored now has been read. Whoever asks while a reading is under way shares the next one: of a
   * thousand revocations at once each would read all the others again.
   */
  function read(from = Number.POSITIVE_INFINITY): Promise<void> {
    owed = Math.min(owed, from);
    next ??= reading.then(() => {
      next = null;
      const begin = Math.min(owed, mark);
      owed = Number.POSITIVE_INFINITY;
      reading = readFrom(begin);
      return reading;
    });
    return next;
  }

  /** The second before which all tokens are over. With the clock forward and back again, none may be forgotten that still live. */
  const oldest = () => (Date.now() - tokenLife - clockStep) / 1000;

  async function readFrom(from: number): Promise<void> {
    if (closed) return;
    try {
      const found = await store.since(Math.max(0, from - overlap));
      // A store that was read anew may have a slower clock, or have begun anew.
      mark = from === 0 ? found.mark : Math.max(mark, found.mark);
      const isFirst = !known;
      known = true;
      const news = found.revocations.filter((revocation) => list.add(revocation));
      list.forgetBefore(oldest());
      if (news.length > 0) parts.changed(isFirst ? [] : news);
      if (from === 0) await giveBack(found.revocations);
    } catch (error) {
      logger.warn({ error: (error as Error).message }, 'revocations cannot be read; trying again');
      owed = Math.min(owed, from);
      clearTimeout(again);
      again = setTimeout(() => void read(), retry);
      again.unref();
    }
  }

  /** Puts back what another master has lost: a replica that begins later would let those tokens in again. */
  async function giveBack(stored: readonly Revocation[]): Promise<void> {
    const there = new RevocationList();
    for (const revocation of stored) there.add(revocation);
    const lost = [...list].filter((revocation) => revocation.at > oldest() && there.add(revocation));
    if (lost.length === 0) return;
    await store.restore(lost, tokenLife);
    logger.warn({ revocations: lost.length }, 'Redis had lost revocations: they are there again');
    await replicas.tell({ kind: 'revoked' }).catch(() => undefined);
  }

  replicas.hear((told) => {
    if (told.kind === 'revoked') void read();
  });
  // All revocations are read anew: another master may have others.
  replicas.onJoined(() => void read(0));
  const looking = setInterval(() => void read(), parts.every);
  looking.unref();

  const isRevoked = ({ claims }: Viewer) => list.has(claims, leeway);
  return {
    known: () => known,
    isRevoked,
    check(viewer) {
      if (!viewer.signedIn) return;
      if (!known) throw new Fault('UNAVAILABLE', { why: 'revocations have not been read yet' });
      refuseFuture(viewer.claims, leeway);
      if (isRevoked(viewer)) throw list.has(viewer.claims) ? revoked() : tooSoon(leeway);
    },
    async revoke(claims) {
      checked(claims);
      const revocation = await store.add(claims, tokenLife);
      logger.info({ claims: Object.keys(claims), at: revocation.at }, 'Tokens were revoked');
      await read();
      // A message that is lost is no harm: what is stored is found within a heartbeat in any case.
      await replicas.tell({ kind: 'revoked' }).catch(() => undefined);
      return revocation;
    },
    list: () => [...list],
    close() {
      closed = true;
      clearInterval(looking);
      clearTimeout(again);
    },
  };
}

/** Throws Fault BAD_USER_INPUT for claims that cannot be revoked. */
export function checked(claims: Revocation['claims']): void {
  const entries = Object.entries(claims);
  const isBounded = (text: string, least: number) => text.length >= least && text.length <= 1_000;
  if (entries.length === 0 || entries.length > 8) {
    throw new Fault('BAD_USER_INPUT', { why: 'a revocation names between one and eight claims' });
  }
  if (!entries.every(([name, value]) => isBounded(name, 1) && isBounded(value, 0))) {
    throw new Fault('BAD_USER_INPUT', { why: 'a claim of a revocation has a name, and at most 1000 characters' });
  }
  // A revocation by what is no name of a claim would be written down, and meet no token.
  const unknown = entries.find(([name]) => !isClaimName(name));
  if (unknown) throw new Fault('BAD_USER_INPUT', { why: `${JSON.stringify(unknown[0])} ${noPath}` });
}
