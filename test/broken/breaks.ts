/** One check of the product switched off, and the promises that must then be seen broken. */
export interface Break {
  /** What no longer happens. */
  readonly what: string;
  /** Lines of the product that are read differently, by file; each `from` must be there exactly once. */
  readonly edits: readonly { readonly file: string; readonly from: string; readonly to: string }[];
  /** Where the promises are tested. */
  readonly suite: string;
  /** Tests of it that must fail, by the beginning of their names. */
  readonly red: readonly string[];
  /** A test of it that does not need the check: it tells a broken promise from a suite that could not even start. */
  readonly green: string;
}

/** The same, over real sockets of both transports. */
const overSockets = ({ what, edits }: Pick<Break, 'what' | 'edits'>): Break => ({
  what: `${what}, over real sockets`,
  edits,
  suite: 'test/access/leak-sockets.property.test.ts',
  red: ['over real sockets and streams'],
  green: 'the hunt sees all that comes',
});

const known = {
  predecessor: {
    what: 'a replica takes each publication as it comes, whatever the one before it should have been',
    edits: [
      {
        file: 'src/hub/tailing-hub.ts',
        from: 'epoch !== head.epoch || commit.from > head.number || hasHole(commit, tailed)',
        to: 'epoch !== head.epoch',
      },
    ],
    suite: 'test/hub/hub.test.ts',
    red: ['a commit that never came is read', 'a commit that came without one of its publications'],
    green: 'an event on two channels of one listener',
  },
  joint: {
    what: 'where history meets live, and where a log was filled again, nobody knows what was shown already',
    edits: [
      {
        file: 'src/hub/coordinates.ts',
        from: 'if (known && (offset < known.offset || (offset === known.offset && index <= known.index))) return false;',
        to: '',
      },
    ],
    suite: 'test/services/hub-redis.test.ts',
    red: ['a Redis that comes back empty and is filled again'],
    green: 'a cursor from before the log',
  },
  watermark: {
    what: 'the log appends whatever a relay brings, also what it has already',
    edits: [
      {
        file: 'src/log/redis-scripts.ts',
        from: 'if not watermark or tonumber(offset) >= watermark then',
        to: 'if true then',
      },
    ],
    suite: 'test/services/redis-log.test.ts',
    red: ['an append repeated after a lost answer', 'a doubled relay that is partly behind'],
    green: 'what was appended can be read',
  },
  epoch: {
    what: 'positions are compared by their numbers, whichever epoch gave them out',
    edits: [
      {
        file: 'src/event/position.ts',
        from: 'if (one.epoch === start.epoch) return one.number > start.number || one.time > lastly(start);',
        to: 'if (one.epoch !== null) return one.number > start.number;',
      },
    ],
    suite: 'test/services/hub-redis.test.ts',
    red: ['a Redis that comes back empty and gives out its numbers twice'],
    green: 'a cursor from before the log',
  },
  comparison: {
    what: 'after a reconnect nobody asks whether something was missed',
    edits: [
      {
        file: 'src/hub/tailing-hub.ts',
        from: 'restored(): void {',
        to: 'restored(): void { this.#state = whole; this.#settling.release(); return;',
      },
    ],
    suite: 'test/services/hub-redis.test.ts',
    red: ['killed pub/sub connections'],
    green: 'a cursor from before the log',
  },
  history: {
    what: 'a relay takes whatever Kafka has under a topic’s name for what the log had of it',
    edits: [
      {
        file: 'src/relay/placement/change.ts',
        from: 'const parting = await partedAt(state, bounds, claim, feed);',
        to: 'const parting = null as number | null;',
      },
      { file: 'src/relay/placement/change.ts', from: 'if (isOtherTopic(history, bounds)', to: 'if (false' },
    ],
    suite: 'test/relay/histories.property.test.ts',
    red: ['whatever becomes of a partition'],
    green: 'a day on which nothing befalls it',
  },
  line: {
    what: 'an append goes into whatever the log is by now, also an older copy of it',
    edits: [
      {
        file: 'src/log/redis-scripts.ts',
        from: 'if stored[8] ~= line() or (tonumber(stored[2]) or 0) < tonumber(ARGV[13]) then',
        to: 'if false then',
      },
    ],
    suite: 'test/services/redis-log.test.ts',
    red: ['an older copy of the log is given another epoch'],
    green: 'what was appended can be read',
  },
  clock: {
    what: 'the log goes by the clock of its server, whoever sets that',
    edits: [
      {
        file: 'src/log/redis-clock.ts',
        from: 'if not time or time == 0 then return now, now end',
        to: 'if true then return math.max(now, time or 0), now end',
      },
    ],
    suite: 'test/services/clock-log.test.ts',
    red: ['an hour back, and a client is away for longer'],
    green: 'a second forward, and nothing came meanwhile',
  },
  lateness: {
    what: 'who comes to an emptied log has been there all along',
    edits: [
      {
        file: 'src/hub/subscription/shown.ts',
        from: 'Math.min(known, this.#late ?? known)',
        to: 'known',
      },
    ],
    suite: 'test/hub/subscription/subscription.test.ts',
    red: ['who came back before that was known'],
    green: 'who began after the loss',
  },
  'lost again': {
    what: 'who is live has been there since a loss of which not all had been told',
    edits: [
      {
        file: 'src/hub/offering.ts',
        from: 'told && !stayed ? this.left.before(head.shard, retain) : []',
        to: '[]',
      },
    ],
    suite: 'test/hub/subscription/subscription.test.ts',
    red: ['who stayed on a replica that had heard nothing of what is gone is told, though the log lost that again'],
    green: 'who began after the loss',
  },
  'whole numbers': {
    what: 'JSON.parse reads all there is, and rounds',
    edits: [
      {
        file: 'src/event/read-json.ts',
        from: 'mayHoldLongNumber(text) ? new Reader(text).read() : value',
        to: 'value',
      },
    ],
    suite: 'test/path/whole-numbers.test.ts',
    red: ['over WebSocket', 'is two keys of @conflate', 'sees the events of that very number'],
    green: 'is an error of an Int',
  },
  'left out': {
    what: 'what a cursor had no room for was never shown',
    edits: [{ file: 'src/hub/subscription/shown.ts', from: 'isFirst && this.#leftOut', to: 'false && this.#leftOut' }],
    suite: 'test/hub/subscription/subscription.test.ts',
    red: ['also where it is there already when they are lost, at once'],
    green: 'a cursor that has room for all of them',
  },
  'told again': {
    what: 'a log that came back empty is told nothing of what it had told',
    edits: [
      {
        file: 'src/relay/placement/loss.ts',
        from: 'if (known === null) return gap;',
        to: 'return gap;',
      },
    ],
    suite: 'test/relay/histories.property.test.ts',
    red: ['whatever becomes of a partition'],
    green: 'a day on which nothing befalls it',
  },
  'told before': {
    what: 'a mark that is told again makes void what everybody knows',
    edits: [
      {
        file: 'src/hub/group.ts',
        from: 'if (voided && (!reach || isSince(voided, reach.stayed?.heard ?? reach.heard)))',
        to: 'if (voided)',
      },
    ],
    suite: 'test/hub/cut.test.ts',
    red: ['and whose mark went with the log is told again'],
    green: 'a rewind over the cut',
  },
  rule: {
    what: 'a gateway shows whatever came over the channels of a viewer',
    edits: [
      {
        file: 'src/graphql/streams.ts',
        from: 'field.permit(event, args, viewer.claims, record)',
        to: '({ pass: event !== record, error: null })',
      },
    ],
    suite: 'test/access/leak.property.test.ts',
    red: ['whatever is renewed, revoked and resumed'],
    green: 'the hunt knows rules',
  },
  sharing: {
    what: 'viewers share a frame whatever the claims that the rule reads',
    edits: [
      {
        file: 'src/graphql/group-key.ts',
        from: 'new Set(field.reads.claims)',
        to: 'new Set<string>()',
      },
    ],
    suite: 'test/access/leak.property.test.ts',
    red: ['whatever is renewed, revoked and resumed'],
    green: 'the hunt knows rules',
  },
  replay: {
    what: 'history is shown as it lies in the log, without asking the rule again',
    edits: [
      {
        file: 'src/hub/subscription/catch-up.ts',
        from: 'if (shown.isHistory(publication) || !group.judge(source)) continue;',
        to: 'if (shown.isHistory(publication)) continue;',
      },
    ],
    suite: 'test/access/leak.property.test.ts',
    red: ['whatever is renewed, revoked and resumed'],
    green: 'the hunt knows rules',
  },
  renewal: {
    what: 'who renews a token stays in the group of the old one',
    edits: [
      {
        file: 'src/graphql/running/stream.ts',
        from: 'if (next.key === this.group.plan.key) return unchanged;',
        to: 'if (next.key !== null) return unchanged;',
      },
    ],
    suite: 'test/access/leak.property.test.ts',
    red: ['whatever is renewed, revoked and resumed'],
    green: 'the hunt knows rules',
  },
  content: {
    what: 'viewers share what a resolver made, whatever claims it said it reads',
    edits: [{ file: 'src/graphql/group-key.ts', from: 'for (const claim of declared) reads.add(claim);', to: '' }],
    suite: 'test/access/leak.property.test.ts',
    red: ['whatever is renewed, revoked and resumed'],
    green: 'the hunt knows rules',
  },
  hidden: {
    what: 'clients see the whole schema, also what it hides from them',
    edits: [
      {
        file: 'src/schema/compile.ts',
        from: 'isSound ? publicSchema(document, schema, to) : null',
        to: 'isSound ? schema : null',
      },
    ],
    suite: 'test/path/hidden.test.ts',
    red: ['is by HTTP by POST', 'is by server-sent events', 'is by WebSocket', 'an event of a hidden type'],
    green: 'a rule may ask for it',
  },
  directives: {
    what: 'clients see the directives by which a schema says where events come from',
    edits: [
      {
        file: 'src/schema/directives/hidden.ts',
        from: 'withoutServerDirectives({ ...document, definitions: shown })',
        to: '{ ...document, definitions: shown }',
      },
    ],
    suite: 'test/bin/schema.test.ts',
    red: ['prints of any schema what introspection shows'],
    green: 'changes only where the schema does',
  },
  bodies: {
    what: 'a body of any type is read as an operation',
    edits: [
      {
        file: 'src/serve/http/body-type.ts',
        from: 'if (!known.has(essence))',
        to: "if (essence === 'none')",
      },
    ],
    suite: 'test/serve/bodies.test.ts',
    red: ['a body of the type "text/plain"', 'a body of the type null'],
    green: 'of the type application/json; charset=utf-8',
  },
  door: {
    what: 'a replica that retires takes nobody from the first moment on',
    edits: [{ file: 'src/serve/connection/retire.ts', from: '  if (period > 0) await wait(period);\n', to: '' }],
    suite: 'test/serve/retiring.test.ts',
    red: ['the door is open, whoever has left before', 'queries are answered'],
    green: 'a connection on which nothing is due',
  },
  escape: {
    what: 'what users choose goes into names in Redis as it is',
    edits: [
      {
        file: 'src/schema/routes/channel-name.ts',
        from: 'if (/^[\\w.-]*$/.test(value)) return value;',
        to: 'if (value) return value;',
      },
    ],
    suite: 'test/services/names.test.ts',
    red: ['each value has a history and a channel of its own'],
    green: 'claims that are revoked',
  },
  pages: {
    what: 'the admin port takes what a page of another origin sends',
    edits: [
      {
        file: 'src/admin/handler.ts',
        from: "if (origin !== undefined) return { status: 403, text: 'not from a page' };",
        to: '',
      },
    ],
    suite: 'test/admin/send.test.ts',
    red: ['a page of origin'],
    green: 'a post of JSON from this machine',
  },
  'words of the server': {
    what: 'a message that only a server may send is handed on, and fails there',
    edits: [{ file: 'src/serve/websocket/message.ts', from: 'clients.has(message.type)', to: 'message.type' }],
    suite: 'test/serve/wrong-messages.property.test.ts',
    red: ['whoever sends {', 'whatever a client sends'],
    green: 'what a client may say',
  },
  'paused by us': {
    what: 'a heartbeat cuts off whoever has not answered, also those whom nobody reads',
    edits: [
      {
        file: 'src/serve/connection/connection.ts',
        from: 'const isUnheard = wire.isOneWay || wire.isPaused();',
        to: 'const isUnheard = wire.isOneWay;',
      },
    ],
    suite: 'test/serve/websocket/hearing.test.ts',
    red: ['is not cut off at a heartbeat'],
    green: 'has everything that it asked for',
  },
  'completes of what waits': {
    what: 'a `complete` reaches only what runs already, and what waits for room takes it all the same',
    edits: [
      {
        file: 'src/serve/websocket/wire.ts',
        from: 'if (message.type === MessageType.Complete) giveUp(this.connection, message.id);',
        to: '',
      },
    ],
    suite: 'test/serve/limits/waiting.test.ts',
    red: ['takes no room once its client has completed it'],
    green: 'is refused when nothing has ended in time',
  },
  'read from memory': {
    what: 'what was heard lately is kept together with what its readers parse, which nobody counts',
    edits: [{ file: 'src/log/entry.ts', from: 'this.isKept ? new WeakRef(parsed) : parsed', to: 'parsed' }],
    suite: 'test/hub/recent-memory.test.ts',
    red: ['nor what is kept of events nearly all structure'],
    green: 'what is kept of events nearly all structure',
  },
  future: {
    what: 'a token is let in however far ahead its time of issue lies',
    edits: [{ file: 'src/serve/identity/revocations.ts', from: 'refuseFuture(viewer.claims, leeway);', to: '' }],
    suite: 'test/access/access.test.ts',
    red: ['a token issued in the future', 'a token issued in milliseconds'],
    green: 'a good token without the scope',
  },
  'pause of keys': {
    what: 'a host that gives no keys is asked again for every token',
    edits: [{ file: 'src/serve/identity/published-keys.ts', from: 'if (now() < due || closing', to: 'if (closing' }],
    suite: 'test/serve/keys-out-of-reach.test.ts',
    red: ['the host is asked once at a time'],
    green: 'are taken back by an empty list',
  },
  silence: {
    what: 'who is revoked is shown events until their socket is closed',
    edits: [{ file: 'src/serve/connection/connections.ts', from: 'connection.silence();', to: '' }],
    suite: 'test/serve/identity/revocations.test.ts',
    red: ['that takes in many shows none of them anything'],
    green: 'is no reason to renew',
  },
  'written headers': {
    what: 'of what proxies tell, the first counts: what the client wrote itself',
    edits: [
      { file: 'src/serve/forwarded.ts', from: 'return told.slice(-hops)[0] ?? null;', to: 'return told[0] ?? null;' },
    ],
    suite: 'test/serve/forwarded.test.ts',
    red: ['by X-Forwarded-*'],
    green: 'where both are there',
  },
  'paced client': {
    what: 'a client sends all that it has, whatever the server’s limits are',
    edits: [
      {
        file: 'src/client/outbox.ts',
        from: 'if (sent >= messageRate || running.size >= subscriptionsPerSocket) break;',
        to: '',
      },
    ],
    suite: 'test/client/outbox.test.ts',
    red: ['is sent a third when one is over', 'no more is begun in a second'],
    green: 'who tells no limits is sent everything',
  },
  'fast clock': {
    what: 'a revocation takes in only what was issued until its second',
    edits: [{ file: 'src/serve/identity/revocations.ts', from: 'list.has(claims, leeway)', to: 'list.has(claims)' }],
    suite: 'test/access/access.test.ts',
    red: ['a token of a clock that is a little ahead, revoked'],
    green: 'a good token without the scope',
  },
} satisfies Record<string, Break>;

/**
 * Chaos that finds nothing proves nothing by itself: the same promises, tested while one check is missing, must be seen
 * broken. The product has no switch for it; a check is taken out of the source as it is loaded (`take-out.ts`).
 */
export const breaks: Readonly<Record<string, Break>> = {
  ...known,
  'rule over sockets': overSockets(known.rule),
  'sharing over sockets': overSockets(known.sharing),
  'replay over sockets': overSockets(known.replay),
  'renewal over sockets': overSockets(known.renewal),
};
