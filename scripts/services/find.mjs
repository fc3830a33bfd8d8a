import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { kafkaAnswers, redisAnswers, untilAnswers } from './answers.mjs';
import { composeAnswers, composeDown, composeEnd, composeUp } from './compose.mjs';
import { Fault } from './fault.mjs';
import { startKafkaBroker } from './kafka.mjs';
import { kafkaNeeds } from './kafka-jars.mjs';
import { ensureCommands } from './packages.mjs';
import { stateFolder } from './places.mjs';
import { freePort } from './ports.mjs';
import { stopOwned } from './processes.mjs';
import { redisNeeds, startRedisServer } from './redis.mjs';
import { alone, ownedProcess, readState, writeState } from './state.mjs';

/** @typedef {import('./state.mjs').Service} Service */

/**
 * One kind of service: the variable that gives its address, its preferred port, how to ask it and how to start it here.
 * @typedef {object} Kind
 * @property {string} variable
 * @property {number} port
 * @property {(port: number) => string} address
 * @property {(address: string) => Promise<boolean>} answers
 * @property {() => readonly import('./packages.mjs').Needed[]} needs what must be on this machine to start it
 * @property {(folder: string, port: number) => Promise<import('./processes.mjs').Owned & { log: string }>} start
 */

/**
 * @param {import('./kafka-jars.mjs').KafkaVersion} version
 * @param {string} variable
 * @param {number} port
 * @returns {Kind}
 */
const kafka = (version, variable, port) => ({
  variable,
  port,
  address: (at) => `127.0.0.1:${at}`,
  answers: kafkaAnswers,
  needs: () => kafkaNeeds(version),
  start: async (folder, at) =>
    startKafkaBroker({ version, folder, port: at, controllerPort: await freePort(port + 1) }),
});

const kinds = {
  /** @type {Kind} */
  redis: {
    variable: 'TAILRACE_TEST_REDIS_URL',
    port: 16379,
    address: (at) => `redis://127.0.0.1:${at}`,
    answers: redisAnswers,
    needs: () => redisNeeds,
    start: (folder, port) => startRedisServer({ folder, port }),
  },
  'kafka-4.3.1': kafka('4.3.1', 'TAILRACE_TEST_KAFKA_BROKERS', 19092),
  'kafka-3.9.1': kafka('3.9.1', 'TAILRACE_TEST_KAFKA39_BROKERS', 19392),
};

/** @typedef {keyof typeof kinds} ServiceName */

/** @type {readonly ServiceName[]} */
export const everyService = ['redis', 'kafka-4.3.1', 'kafka-3.9.1'];

/**
 * Finds or starts the services wanted, in the order: an address in the environment, one that runs already, Docker
 * Compose, this machine. Resolves when each has answered; gives back the names of those that were not up before.
 * @param {readonly ServiceName[]} wanted
 * @returns {Promise<ServiceName[]>}
 */
export const up = (wanted) =>
  alone(async () => {
    const state = readState();
    /** @type {ServiceName[]} */
    const brought = [];
    /** @type {boolean | undefined} */
    let docker;
    for (const name of wanted) {
      const kind = kinds[name];
      const given = process.env[kind.variable];
      const known = state[name];
      if (given) {
        if (!(await untilAnswers(() => kind.answers(given), { within: 15_000 }))) {
          throw new Fault(`${kind.variable}: nothing answers as ${name.split('-')[0]} at ${given}.`);
        }
        if (known && known.from !== 'environment') await end(name, known);
        state[name] = { from: 'environment', address: given };
      } else if (known && known.from !== 'environment' && (await kind.answers(known.address))) {
        console.log(`${line(name, known)}  already up`);
        continue;
      } else {
        if (known) await end(name, known);
        const port = await freePort(kind.port);
        docker ??= composeAnswers();
        if (docker) {
          composeUp(name, port);
          state[name] = { from: 'compose', address: kind.address(port) };
          writeState(state);
          if (!(await untilAnswers(() => kind.answers(kind.address(port)), { within: 120_000 }))) {
            throw new Fault(`${name} was started by Docker Compose and does not answer at ${kind.address(port)}.`);
          }
        } else {
          // All that is missing in one line, and one installation.
          const local = wanted.filter((each) => !process.env[kinds[each].variable]);
          ensureCommands(
            local.flatMap((each) => kinds[each].needs()),
            'to run the services.',
          );
          const server = await kind.start(join(stateFolder, name), port);
          state[name] = { from: 'local', address: kind.address(port), ...server };
        }
        brought.push(name);
      }
      writeState(state);
      console.log(line(name, /** @type {Service} */ (state[name])));
    }
    return brought;
  });

/**
 * Ends services that `up` started: their own processes by their ids, and their data. Others are only forgotten.
 * @param {readonly ServiceName[]} [names]
 */
export const down = (names = everyService) =>
  alone(async () => {
    const state = readState();
    const remains = () => Object.values(state).some(({ from }) => from === 'compose');
    const composed = remains();
    for (const name of names) {
      const service = state[name];
      if (!service) continue;
      await end(name, service);
      delete state[name];
      writeState(state);
      console.log(`${name}  ${service.from === 'environment' ? 'left alone: it was given by its address' : 'down'}`);
    }
    if (composed && !remains()) composeDown();
  });

/**
 * @param {ServiceName} name
 * @param {Service} service
 */
async function end(name, service) {
  const owned = ownedProcess(service);
  if (owned) await stopOwned(owned);
  if (service.from === 'local') rmSync(join(stateFolder, name), { recursive: true, force: true });
  if (service.from === 'compose') composeEnd(name);
}

/** Prints one line a service; true when all that are known answer. */
export async function status() {
  const state = readState();
  let well = true;
  for (const name of everyService) {
    const service = state[name];
    const answers = service !== undefined && (await kinds[name].answers(service.address));
    if (service && !answers) well = false;
    console.log(service ? `${line(name, service)}  ${answers ? 'answers' : 'does not answer'}` : `${name}  not up`);
  }
  return well;
}

/**
 * @param {string} name
 * @param {Service} service
 */
const line = (name, { from, address, pid }) => `${name}  ${address}  ${pid === undefined ? from : `pid ${pid}`}`;
