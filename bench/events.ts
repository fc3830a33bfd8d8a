/**
 * The three kinds of events that are measured. Each has subjects (all the world, a user, a vehicle), numbers the events of
 * each subject from 1, and says when it was produced, in microseconds of the machine's clock: so a client can tell that
 * it got each of its events, once, in order, and when.
 */
export interface Kind {
  readonly field: string;
  readonly query: string;
  /** Null where nobody needs to say who they are. */
  sub(subject: number): string | null;
  variables(subject: number): Record<string, string>;
  /** For a gateway of Tailrace. The tutorial stack's is in `bench/baselines/naive-schema.ts`. */
  sdl(topic: string): string;
  /** `n` and `at` come first, in the record as in what a client gets. */
  event(subject: number, n: number, at: number): object;
  /** How the record carries it. */
  record(event: object): object;
  /** The tutorial stack's channel of a subject; with `withFilter` all share the kind's own name. */
  channel(subject: number): string;
}

const same = (event: object) => event;

export const kinds = {
  quotes: {
    field: 'quote',
    query: 'subscription { quote { n at } }',
    sub: () => null,
    variables: () => ({}),
    sdl: (topic) => `type Subscription { quote: Quote! @kafka(topic: "${topic}") @public }
      type Quote { n: Int! at: Float! }`,
    event: (_, n, at) => ({ n, at }),
    record: same,
    channel: () => 'quotes',
  },
  orders: {
    field: 'order',
    query: 'subscription { order { n at id amount currency note } }',
    sub: (subject) => `user-${subject}`,
    variables: () => ({}),
    sdl: (topic) => `type Subscription {
        order: Order! @kafka(topic: "${topic}") @where(rule: "event.userId == claims.sub")
      }
      type Order { n: Int! at: Float! id: ID! userId: ID! amount: Float! currency: String! note: String! }`,
    event: (subject, n, at) => ({
      n,
      at,
      id: `order-${n}`,
      userId: `user-${subject}`,
      amount: n % 500,
      currency: 'EUR',
      note: 'x'.repeat(120),
    }),
    record: same,
    channel: (subject) => `orders:user-${subject}`,
  },
  vehicles: {
    field: 'vehicle',
    query: 'subscription ($id: ID!) { vehicle(id: $id) { n at id lat long } }',
    sub: () => null,
    variables: (subject) => ({ id: `bus-${subject}` }),
    sdl: (topic) => `type Subscription {
        vehicle(id: ID!): Vehicle! @kafka(topic: "${topic}", each: "record.value.entity")
          @where(rule: "event.id == args.id") @public
      }
      type Vehicle { n: Int! at: Float! id: ID! label: String! lat: Float! long: Float! }`,
    event: (subject, n, at) => ({
      n,
      at,
      id: `bus-${subject}`,
      label: `Line ${subject % 20}`,
      lat: 60.1 + (n % 1_000) / 1_000,
      long: 24.9 + (n % 700) / 1_000,
    }),
    record: (event) => ({ entity: [event] }),
    channel: (subject) => `vehicles:bus-${subject}`,
  },
} as const satisfies Record<string, Kind>;

export type KindName = keyof typeof kinds;

/** Whose event the `k`-th is: everybody's turn comes, and neighbours are far apart. */
export const subjectOf = (k: number, subjects: number): number => (k * 7_919) % subjects;

/** How many of the clients, of which the `c`-th watches subject `c % subjects`, get an event. */
export const watchers = (subject: number, clients: number, subjects: number): number =>
  subject < clients ? Math.floor((clients - 1 - subject) / subjects) + 1 : 0;

export const secret = 'a secret for benchmarks only and long enough';
