import { cpus } from 'node:os';
import { execute, getOperationAST, type OperationDefinitionNode, parse } from 'graphql';
import { makeExecutable } from '../src/graphql/executable.js';
import { compileProjection } from '../src/graphql/render/project.js';
import { compileSchema } from '../src/schema/compile.js';

/**
 * What the result of one event costs as JSON text: executed by graphql-js and encoded, and by the compiled projection,
 * in turn over the same events. `npm run bench:project`; no services, half a minute.
 */
const sdl = `
  type Subscription {
    payment: Payment! @kafka(topic: "payments") @public
    vehicle: Vehicle! @kafka(topic: "vehicles") @public
  }
  type Payment { id: ID! userId: ID! amount: Float! currency: String! merchant: String! settled: Boolean! count: Int! }
  type Vehicle {
    id: ID!
    label: String! @from(path: "vehicle.vehicle.label")
    line: ID! @from(path: "vehicle.trip.routeId")
    lat: Float! @from(path: "vehicle.position.latitude")
    long: Float! @from(path: "vehicle.position.longitude")
    bearing: Float @from(path: "vehicle.position.bearing")
    speed: Float @from(path: "vehicle.position.speed")
    status: Status @from(path: "vehicle.currentStatus")
    time: Int! @from(path: "vehicle.timestamp")
  }
  enum Status { INCOMING_AT STOPPED_AT IN_TRANSIT_TO }`;

const workloads = [
  {
    name: '7 scalars',
    field: 'payment',
    query: 'subscription { payment { id userId amount currency merchant settled count } }',
    event: (n: number) => ({
      id: `tx-${n}`,
      userId: `user-${n % 100}`,
      amount: n / 7,
      currency: 'EUR',
      merchant: 'Café “Zum Wehr”',
      settled: n % 2 === 0,
      count: n,
    }),
  },
  {
    name: 'transit vehicle, 9 fields by @from',
    field: 'vehicle',
    query: 'subscription { vehicle { id label line lat long bearing speed status time } }',
    event: (n: number) => ({
      id: `tram-${n % 150}`,
      vehicle: {
        vehicle: { label: `Tram ${n % 150}` },
        trip: { routeId: 'M10' },
        position: { latitude: 52.5 + n / 1e5, longitude: 13.4 + n / 1e5, bearing: n % 360, speed: 8.25 },
        currentStatus: 'IN_TRANSIT_TO',
        timestamp: 1_760_000_000 + n,
      },
    }),
  },
];

const { schema: streams } = compileSchema(sdl, { retention: { retain: 1_000, max: 10 } });
if (!streams) throw new Error('the schema does not compile');
const { schema } = makeExecutable(streams, {}, '0');

console.log(`machine: ${cpus().length} × ${cpus()[0]?.model}; Node ${process.version}`);
console.log('µs per event, median of 7 rounds of 100,000 events, in turn\n');
for (const { name, field, query, event } of workloads) {
  const document = parse(query);
  const operation = getOperationAST(document) as OperationDefinitionNode;
  const roots = Array.from({ length: 1_000 }, (_, n) => ({ [field]: JSON.parse(JSON.stringify(event(n))) }));
  const compiled = compileProjection(schema, document, operation, {});
  if (!compiled) throw new Error(`${name} is not compiled`);
  const executed = (rootValue: object) => JSON.stringify(execute({ schema, document, rootValue }));
  const project = (root: Readonly<Record<string, unknown>>) => {
    const rendered = compiled(root);
    return rendered && `{"data":{${rendered.key}:${rendered.value}}}`;
  };
  for (const root of roots) if (project(root) !== executed(root)) throw new Error(`${name}: not the same text`);
  const runs = { 'graphql-js': executed, compiled: project as (root: object) => string | null };
  const times = Object.fromEntries(Object.keys(runs).map((key) => [key, [] as number[]]));
  for (let round = 0; round < 7; round++) {
    for (const [key, run] of Object.entries(runs)) times[key]?.push(measure(run, roots));
  }
  for (const [key, all] of Object.entries(times)) {
    const [low, median, high] = [0, 3, 6].map((at) => all.toSorted((a, b) => a - b)[at]?.toFixed(2));
    console.log(`${name.padEnd(36)} ${key.padEnd(12)} ${median} (${low}–${high})`);
  }
  const began = process.hrtime.bigint();
  for (let n = 0; n < 1_000; n++) compileProjection(schema, document, operation, {});
  console.log(
    `${name.padEnd(36)} ${'to compile'.padEnd(12)} ${(Number(process.hrtime.bigint() - began) / 1e6).toFixed(1)}\n`,
  );
}

function measure(run: (root: object) => string | null, roots: readonly object[]): number {
  let bytes = 0;
  const began = process.hrtime.bigint();
  for (let n = 0; n < 100; n++) for (const root of roots) bytes += Buffer.byteLength(run(root) ?? '');
  const micros = Number(process.hrtime.bigint() - began) / 1e3 / (100 * roots.length);
  if (bytes === 0) throw new Error('nothing was made');
  return micros;
}
