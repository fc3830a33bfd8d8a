import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { cpuOf, machineCpu, median, memoryOf } from './measure.js';
import type { Person, Spread } from './resume/crowd.js';
import { type Address, ofRoom, ofUser, type Stand, secret, stand } from './resume/stand.js';

/**
 * What it costs when everybody comes back at once, and when people come and go all the time: `npm run bench:resume`.
 * `-- --only storm` or `churn`; `--clients --missed --away --rounds --minutes` make it smaller. Needs redis-server and
 * `npm run build`. `BENCH_BESIDE=<dist of another build>` lets the two take turns at the storms.
 */
const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    clients: { type: 'string', default: '2000' },
    missed: { type: 'string', default: '60' },
    away: { type: 'string', default: '30' },
    rounds: { type: 'string', default: '3' },
    minutes: { type: 'string', default: '5' },
  },
});
const clients = Number(values.clients);
const missed = Number(values.missed);
const awaySeconds = Number(values.away);
const rounds = Number(values.rounds);
const churnMinutes = Number(values.minutes);
const perRoom = 20;
const connectsPerSecond = 200;
const staySeconds = 15;
const honestClients = 1_000;
const eventsPerSecond = 1_000;

const redisVersion = execFileSync('redis-server', ['--version'], { encoding: 'utf8' }).match(/v=(\S+)/)?.[1];
console.log(`machine: ${cpus().length} × ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB`);
console.log(`Node ${process.version}, Redis ${redisVersion}`);
console.log(`method: one gateway, one Redis and the clients (bare sockets, graphql-transport-ws) are processes of their own
on this machine; events go into Redis through the relay's writer, without Kafka. CPU is the operating system's count.
Each client checks that every event of its comes once and in order; a wrong one fails the run.
`);

interface Round {
  readonly took: Spread;
  readonly gatewayMs: number;
  readonly redisMs: number;
  readonly commands: ReadonlyMap<string, number>;
  readonly others: number;
  /** Connections that had to be tried again. */
  readonly refused: number;
}

/** Begins to count; the result says which part of the machine's CPU went to none of the benchmark's processes since. */
function othersShare({ pids }: Stand): () => number {
  const ours = () => pids.reduce((sum, pid) => sum + cpuOf(pid).all, 0);
  const [began, machine, own] = [performance.now(), machineCpu(), ours()];
  return () => {
    const seconds = (performance.now() - began) / 1000;
    return Math.max(0, (machineCpu() - machine - (ours() - own)) / (seconds * cpus().length));
  };
}

if (values.only !== 'churn') {
  console.log(`storm: ${clients} clients come back in the same moment, ${awaySeconds} s after they left; each has missed
${missed} events. Time from that moment until a client has shown the last of them. Medians of ${rounds} rounds.
`);
  console.log(
    '| | p50 | p99 | max | gateway CPU a client | Redis CPU a client | Redis commands a client | tried again | CPU of other programs |',
  );
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | --- | ---: | ---: |');
  await storms('each on a channel of their own', usersOf(clients), {});
  const shared = `${perRoom} to a channel, where somebody stayed`;
  await storms(shared, roomsOf(clients), {});
  await storms(`${shared}; no tail in memory`, roomsOf(clients), { TAILRACE_TAIL_BYTES: '0' });
}
if (values.only !== 'storm') await churn();

interface Party {
  readonly people: readonly Person[];
  /** Connected all the time. */
  readonly stayers: readonly Person[];
  readonly addressOf: (person: Person) => Address;
  readonly addresses: readonly Address[];
}

function usersOf(count: number): Party {
  const people = Array.from({ length: count }, (_, i) => ({ name: `u${i}`, query: ofUser, variables: {} }));
  const addressOf = ({ name }: Person) => ({ user: name });
  return { people, stayers: [], addressOf, addresses: people.map(addressOf) };
}

function roomsOf(count: number): Party {
  const rooms = Array.from({ length: Math.ceil(count / perRoom) }, (_, i) => String(i));
  const inRoom = (name: string, room: string) => ({ name, query: ofRoom, variables: { room } });
  return {
    people: Array.from({ length: count }, (_, i) => inRoom(`u${i}`, rooms[i % rooms.length] as string)),
    stayers: rooms.map((room) => inRoom(`s${room}`, room)),
    addressOf: ({ variables }) => ({ room: variables.room as string }),
    addresses: rooms.map((room) => ({ room })),
  };
}

/** Two builds stand beside each other, and only one of them has its storm at a time; who is first changes every round. */
async function storms(name: string, party: Party, environment: Record<string, string>) {
  const { BENCH_BESIDE: other } = process.env;
  const everybody = [...party.people, ...party.stayers];
  const builds: { readonly name: string; readonly on: Stand; readonly results: Round[] }[] = [];
  try {
    builds.push({ name, on: await stand(environment), results: [] });
    if (other) builds.push({ name: `${name}; beside`, on: await stand(environment, other), results: [] });
    for (const { on } of builds) {
      await on.crowd.invite({ port: on.port, secret }, everybody);
      await on.crowd.arrive(everybody.map((person) => person.name));
    }
    for (let n = 0; n < rounds; n++) {
      for (const { on, results } of n % 2 === 0 ? builds : builds.toReversed()) results.push(await storm(on, party));
    }
    for (const { on } of builds) await settled(on, everybody, party.addressOf);
    for (const { name: build, results } of builds) row(build, results);
  } finally {
    for (const { on } of builds) await on[Symbol.asyncDispose]();
  }
}

function row(name: string, results: readonly Round[]) {
  const middle = (pick: (round: Round) => number) => median(results.map(pick));
  const commands = ['evalsha_ro', 'subscribe', 'unsubscribe']
    .map((command) => `${middle((round) => round.commands.get(command) ?? 0).toFixed(2)} ${command}`)
    .join(', ');
  console.log(
    `| ${name} | ${[
      `${middle((r) => r.took.p50).toFixed(0)} ms`,
      `${middle((r) => r.took.p99).toFixed(0)} ms`,
      `${middle((r) => r.took.max).toFixed(0)} ms`,
      `${middle((r) => r.gatewayMs).toFixed(2)} ms (${results.map((r) => r.gatewayMs.toFixed(2)).join(', ')})`,
      `${middle((r) => r.redisMs).toFixed(2)} ms`,
      commands,
      middle((r) => r.refused),
      percent(middle((r) => r.others)),
    ].join(' | ')} |`,
  );
}

async function storm(on: Stand, { people, addressOf, addresses }: Party): Promise<Round> {
  const names = people.map((person) => person.name);
  await on.crowd.leave(names);
  for (let n = 1; n <= missed; n++) {
    const due = wait((awaySeconds * 1000) / missed);
    await on.feed.append(addresses);
    await due;
  }
  const [commandsBefore, gatewayBefore, redisBefore] = [
    await on.commands(),
    cpuOf(on.gatewayPid).all,
    cpuOf(on.redisPid).all,
  ];
  const newest = on.feed.newest(addressOf(people[0] as Person));
  const { retries } = await on.crowd.counts();
  const others = othersShare(on);
  const took = await on.crowd.comeBack(names, newest);
  const othersTook = others();
  const refused = (await on.crowd.counts()).retries - retries;
  const [gateway, redis] = [cpuOf(on.gatewayPid).all - gatewayBefore, cpuOf(on.redisPid).all - redisBefore];
  const commands = [...(await on.commands())].map(([name, calls]): [string, number] => [
    name,
    (calls - (commandsBefore.get(name) ?? 0)) / people.length,
  ]);
  // One more for each: they are live, and show nothing twice.
  await on.feed.append(addresses);
  await settled(on, people, addressOf);
  const perClient = 1000 / people.length;
  return {
    took,
    gatewayMs: gateway * perClient,
    redisMs: redis * perClient,
    commands: new Map(commands),
    others: othersTook,
    refused,
  };
}

async function churn() {
  const honest = usersOf(honestClients).people;
  const away = connectsPerSecond * 5;
  const restless = usersOf(connectsPerSecond * staySeconds + away).people.map((person) => ({
    ...person,
    name: `c${person.name}`,
  }));
  const addressOf = ({ name }: Person) => ({ user: name });
  console.log(`
churn: ${honestClients} clients stay; ${connectsPerSecond} connects/s for ${churnMinutes} minutes, each stays ${staySeconds} s and resumes later.
${eventsPerSecond} events/s, half of them for those who stay: the time from append to client, before and meanwhile.
`);
  await using on = await stand({});
  await on.crowd.invite({ port: on.port, secret }, [...honest, ...restless]);
  const names = { honest: honest.map(({ name }) => name), restless: restless.map(({ name }) => name) };
  await on.crowd.arrive([...names.honest, ...names.restless]);
  await on.crowd.leave(names.restless);

  let feeding = true;
  const fed = (async () => {
    const every = 10;
    const began = performance.now();
    const half = (eventsPerSecond * every) / 2_000;
    for (let turn = 0; feeding; turn++) {
      const some = (people: readonly Person[]) =>
        Array.from({ length: half }, (_, i) => addressOf(people[(turn * half + i) % people.length] as Person));
      await on.feed.append([...some(honest), ...some(restless)]);
      await wait(began + (turn + 1) * every - performance.now());
    }
  })();
  const period = async (seconds: number) => {
    await on.crowd.measure(names.honest);
    const [cpu, began, others] = [cpuOf(on.gatewayPid).all, performance.now(), othersShare(on)];
    await wait(seconds * 1000);
    const used = (cpuOf(on.gatewayPid).all - cpu) / ((performance.now() - began) / 1000);
    return { ...(await on.crowd.measured()), used, memory: memoryOf(on.gatewayPid) / 1024, others: others() };
  };
  console.log('| | p50 | p99 | max | gateway CPU | gateway memory at the end | CPU of other programs |');
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: |');
  const tell = (name: string, { p50, p99, max, used, memory, others }: Awaited<ReturnType<typeof period>>) =>
    console.log(
      `| ${name} | ${p50.toFixed(1)} ms | ${p99.toFixed(1)} ms | ${max.toFixed(1)} ms | ${percent(used)} | ${memory.toFixed(0)} MiB | ${percent(others)} |`,
    );
  tell('quiet', await period(Math.min(30, churnMinutes * 60)));
  await on.crowd.churn(names.restless, connectsPerSecond, staySeconds);
  const parts = 5;
  for (let part = 1; part <= parts; part++) {
    tell(`churn, ${part} of ${parts}`, await period((churnMinutes * 60) / parts));
  }
  await on.crowd.calm();
  tell('calm again', await period(Math.min(30, churnMinutes * 60)));
  feeding = false;
  await fed;
  const { connects } = await on.crowd.counts();
  // Everybody comes once more, and has everything.
  for (let i = 0; i < names.restless.length; i += 500) await on.crowd.arrive(names.restless.slice(i, i + 500));
  await settled(on, [...honest, ...restless], addressOf);
  console.log(`\n${connects} connections came and went; every client has every event once.`);
}

/** Throws unless everybody has every event of theirs, once and in order. */
async function settled(on: Stand, people: readonly Person[], addressOf: (person: Person) => Address) {
  await on.crowd.await(people.map((person): [string, number] => [person.name, on.feed.newest(addressOf(person))]));
  await on.crowd.verify();
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, milliseconds)));
}
