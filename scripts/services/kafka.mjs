import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { kafkaAnswers, untilAnswers } from './answers.mjs';
import { Fault } from './fault.mjs';
import { java, kafkaJars, kafkaNeeds } from './kafka-jars.mjs';
import { ensureCommands } from './packages.mjs';
import { lives, startDetached, stopOwned, tailOf } from './processes.mjs';

const jvm = [
  '-Xmx256m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dorg.slf4j.simpleLogger.showDateTime=true',
  '-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS',
];

/**
 * One process is broker and controller. Topics are not made by a mere question for them, as in production. The
 * intervals are short, so that a test of retention or compaction need not wait for minutes.
 * @param {string} version
 * @param {string} folder
 * @param {{ port: number, controllerPort: number }} ports
 * @returns {Record<string, string | number>}
 */
const defaults = (version, folder, { port, controllerPort }) => ({
  'process.roles': 'broker,controller',
  'node.id': 1,
  'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
  'controller.listener.names': 'CONTROLLER',
  listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
  'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
  'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
  'log.dirs': join(folder, 'data'),
  'auto.create.topics.enable': 'false',
  'delete.topic.enable': 'true',
  // After a crash the broker waits until its old session has run out: 9 s by default.
  'broker.session.timeout.ms': 3000,
  'broker.heartbeat.interval.ms': 500,
  'num.partitions': 1,
  'offsets.topic.replication.factor': 1,
  'offsets.topic.num.partitions': 1,
  'transaction.state.log.replication.factor': 1,
  'transaction.state.log.min.isr': 1,
  'transaction.state.log.num.partitions': 1,
  'group.initial.rebalance.delay.ms': 0,
  'num.network.threads': 1,
  'num.io.threads': 2,
  'log.cleaner.dedupe.buffer.size': 1_048_577,
  'log.cleaner.backoff.ms': 200,
  'log.initial.task.delay.ms': 500,
  'log.retention.check.interval.ms': 500,
  'log.segment.delete.delay.ms': 500,
  ...(version.startsWith('4.')
    ? { 'share.coordinator.state.topic.replication.factor': 1, 'share.coordinator.state.topic.min.isr': 1 }
    : {}),
});

/** A random id as Kafka writes it. One that begins with a dash would be read as an option. */
export function randomClusterId() {
  for (;;) {
    const id = randomBytes(16).toString('base64url');
    if (!id.startsWith('-')) return id;
  }
}

/**
 * Starts a Kafka on 127.0.0.1 and waits until it answers clients.
 * @param {object} options
 * @param {import('./kafka-jars.mjs').KafkaVersion} options.version
 * @param {string} options.folder its settings, data and log
 * @param {number} options.port
 * @param {number} options.controllerPort
 * @param {Record<string, string | number>} [options.properties] beside or instead of the defaults
 * @param {boolean} [options.fresh] false: go on with the data in the folder
 * @param {string} [options.clusterId] what the nodes of one cluster share
 * @returns {Promise<import('./processes.mjs').Owned & { log: string }>}
 */
export async function startKafkaBroker({
  version,
  folder,
  port,
  controllerPort,
  properties = {},
  fresh = true,
  clusterId = randomClusterId(),
}) {
  ensureCommands(kafkaNeeds(version), 'to run a Kafka.');
  const command = java();
  const classpath = join(kafkaJars(version), '*');
  if (fresh) rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const log = join(folder, 'kafka.log');
  const settings = join(folder, 'server.properties');
  const all = { ...defaults(version, folder, { port, controllerPort }), ...properties };
  writeFileSync(
    settings,
    Object.entries(all)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  );
  if (!existsSync(join(folder, 'data', 'meta.properties'))) {
    const format = [
      ...jvm,
      '-cp',
      classpath,
      'kafka.tools.StorageTool',
      'format',
      '-t',
      clusterId,
      '-c',
      settings,
      '-g',
    ];
    try {
      // Without a wait for each other: a cluster formats as many as it has brokers.
      await promisify(execFile)(command, format, { cwd: folder });
    } catch (error) {
      const { stderr = '', stdout = '' } = /** @type {{ stderr?: string, stdout?: string }} */ (error);
      throw new Fault(`Kafka ${version} could not format its storage: ${(stderr + stdout).trim() || error}`);
    }
  }
  const server = await startDetached(command, [...jvm, '-cp', classpath, 'kafka.Kafka', settings], {
    cwd: folder,
    log,
  });
  const dead = () => !lives(server);
  if (!(await untilAnswers(() => kafkaAnswers(`127.0.0.1:${port}`), { within: 90_000, abandoned: dead }))) {
    await stopOwned(server, { signal: 'SIGKILL' });
    throw new Fault(`Kafka ${version} did not start on port ${port}. Its log ends with:\n${tailOf(log)}`);
  }
  return { ...server, log };
}
