import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { java, kafkaJars } from '../../scripts/services/kafka-jars.mjs';
import { freePort } from '../../scripts/services/ports.mjs';
import { kafkaSettings } from '../../src/bin/settings/kafka.js';
import { openKafka } from '../../src/kafka/connection.js';
import { makeTopics } from '../../src/kafka/topics.js';
import { silent } from '../../src/observe/logger.js';
import { run } from '../bin/process.js';
import { read } from '../support/relay/relay-kafka.js';
import { certificateAuthority } from '../support/servers/certificates.js';
import { eventually, freshPrefix, kafkaClient, redisUrl, startKafka, withAdmin } from '../support/servers/services.js';

/** One broker, and a listener for each way to sign in. */
const authority = certificateAuthority();
const broker = authority.issue('broker');
const client = authority.issue('relay');
const password = 'pass word, "quoted"';
const issued: string[] = [];
/** Gives tokens that the broker takes unsigned: what is proven is the way there. */
const issuer = createServer((request, response) => {
  const [, basic = ''] = (request.headers.authorization ?? '').split(' ');
  const known = Buffer.from(basic, 'base64').toString() === `relay:${encodeURIComponent(password)}`;
  if (!known) return response.writeHead(401).end();
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const token = `${part({ alg: 'none' })}.${part({ sub: 'relay', iat: now, exp: now + 3600 })}.`;
  issued.push(token);
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ access_token: token, expires_in: 3600 }));
});

let kafka: Awaited<ReturnType<typeof startKafka>>;
let ports: { tls: number; mutual: number; sasl: number };
let tokenUrl = '';

beforeAll(async () => {
  await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve));
  tokenUrl = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/token`;
  ports = { tls: await freePort(), mutual: await freePort(), sasl: await freePort() };
  const plain = await freePort();
  const controller = await freePort();
  const modules = 'org.apache.kafka.common.security';
  kafka = await startKafka({
    port: plain,
    properties: {
      'controller.quorum.voters': `1@127.0.0.1:${controller}`,
      listeners: `PLAINTEXT://127.0.0.1:${plain},CONTROLLER://127.0.0.1:${controller},TLS://127.0.0.1:${ports.tls},MUTUAL://127.0.0.1:${ports.mutual},SIGNED://127.0.0.1:${ports.sasl}`,
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${plain},TLS://127.0.0.1:${ports.tls},MUTUAL://127.0.0.1:${ports.mutual},SIGNED://127.0.0.1:${ports.sasl}`,
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL,MUTUAL:SSL,SIGNED:SASL_SSL',
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': broker.bothFile,
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': authority.caFile,
      'listener.name.mutual.ssl.client.auth': 'required',
      // Who signs in may do what the lists say; the others here all.
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS;User:CN=relay',
      'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
      'listener.name.signed.plain.sasl.jaas.config': `${modules}.plain.PlainLoginModule required user_relay=${quoted(password)};`,
      'listener.name.signed.scram-sha-256.sasl.jaas.config': `${modules}.scram.ScramLoginModule required;`,
      'listener.name.signed.scram-sha-512.sasl.jaas.config': `${modules}.scram.ScramLoginModule required;`,
      'listener.name.signed.oauthbearer.sasl.jaas.config': `${modules}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
    },
  });
  await withAdmin(kafka.brokers, async (admin) => {
    await makeTopics(admin, [{ topic: 'guarded' }]);
    const { AclOperationTypes: operations, AclResourceTypes: of, AclPermissionTypes, ResourcePatternTypes } = kafkajs;
    const may = (resourceType: number, resourceName: string, operation: number) => ({
      ...{ principal: 'User:relay', host: '*', permissionType: AclPermissionTypes.ALLOW },
      ...{ resourceType, resourceName, resourcePatternType: ResourcePatternTypes.LITERAL, operation },
    });
    // Those of docs/kafka-and-redis.md.
    await admin.createAcls({
      acl: [
        may(of.TOPIC, 'guarded', operations.READ),
        may(of.GROUP, 'guards', operations.READ),
        may(of.TOPIC, 'guards.dlq', operations.CREATE),
        may(of.TOPIC, 'guards.dlq', operations.WRITE),
      ],
    });
  });
  // kafkajs cannot make SCRAM's users, and Kafka takes one credential of a user at a time.
  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512']) {
    const user = ['--entity-type', 'users', '--entity-name', 'relay', '--alter'];
    const command = ['kafka.admin.ConfigCommand', '--bootstrap-server', `127.0.0.1:${plain}`, ...user];
    const added = ['--add-config', `${mechanism}=[password=scram-password]`];
    execFileSync(java(), ['-cp', join(kafkaJars('4.3.1'), '*'), ...command, ...added], { stdio: 'pipe' });
  }
});

afterAll(async () => {
  await kafka[Symbol.asyncDispose]();
  issuer.close();
  authority[Symbol.dispose]();
});

const quoted = (text: string) => `"${text.replaceAll('"', '\\\\"')}"`;

type Given = Parameters<typeof kafkaSettings>[0];
const nothing: Given = {
  kafkaBrokers: [],
  kafkaSsl: true,
  kafkaSslCa: null,
  kafkaSslCert: null,
  kafkaSslKey: null,
  kafkaSslPassphrase: null,
  kafkaSaslMechanism: null,
  kafkaSaslUsername: null,
  kafkaSaslPassword: null,
  kafkaSaslTokenUrl: null,
  kafkaSaslScope: null,
};

/** The topics that a relay with these variables sees. */
async function topics(port: number, given: Partial<Given>): Promise<string[]> {
  const settings = kafkaSettings({
    ...nothing,
    kafkaSslCa: authority.ca,
    ...given,
    kafkaBrokers: [`127.0.0.1:${port}`],
  });
  const admin = openKafka(settings, silent).admin({ retry: { retries: 0 } });
  try {
    await admin.connect();
    return await admin.listTopics();
  } finally {
    await admin.disconnect();
  }
}

describe('Kafka over TLS', () => {
  test('with its authority it is read', async () => {
    expect(await topics(ports.tls, {})).toContain('guarded');
  });

  test('a broker whose authority is not known is refused', async () => {
    await expect(topics(ports.tls, { kafkaSslCa: null })).rejects.toThrow(/certificate/);
  });

  test('a broker that wants to see a certificate sees ours, and refuses us without', async () => {
    expect(await topics(ports.mutual, { kafkaSslCert: client.cert, kafkaSslKey: client.key })).toContain('guarded');
    await expect(topics(ports.mutual, {})).rejects.toThrow();
  });
});

describe('signing in to Kafka', () => {
  const secrets = {
    plain: password,
    'scram-sha-256': 'scram-password',
    'scram-sha-512': 'scram-password',
    oauthbearer: password,
  } as const;
  for (const [mechanism, secret] of Object.entries(secrets) as [keyof typeof secrets, string][]) {
    const given = () => ({
      kafkaSaslMechanism: mechanism,
      kafkaSaslUsername: 'relay',
      kafkaSaslTokenUrl: mechanism === 'oauthbearer' ? tokenUrl : null,
    });

    test(`${mechanism}: the right secret is let in`, async () => {
      expect(await topics(ports.sasl, { ...given(), kafkaSaslPassword: secret })).toContain('guarded');
    });

    test(`${mechanism}: another is not, and no error shows it`, async () => {
      const refused = topics(ports.sasl, { ...given(), kafkaSaslPassword: 'not-the-secret' });
      await expect(refused).rejects.toThrow(/^(?!.*not-the-secret)/s);
    });
  }

  test('oauthbearer: a token that lives is used for every connection', async () => {
    const before = issued.length;
    const settings = kafkaSettings({
      ...nothing,
      kafkaBrokers: [`127.0.0.1:${ports.sasl}`],
      kafkaSslCa: authority.ca,
      kafkaSaslMechanism: 'oauthbearer',
      kafkaSaslUsername: 'relay',
      kafkaSaslPassword: password,
      kafkaSaslTokenUrl: tokenUrl,
    });
    for (let i = 0; i < 3; i++) {
      const admin = openKafka(settings, silent).admin();
      await admin.connect();
      await admin.disconnect();
    }
    expect(issued.length - before).toBe(1);
  });
});

test('a relay that may do what the documents say, and nothing else, relays and writes its dead letters', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-guarded-'));
  const schema = join(folder, 'schema.graphql');
  writeFileSync(
    schema,
    'type Subscription { guarded: Thing! @kafka(topic: "guarded") @public } type Thing { id: ID! }',
  );
  const producer = kafkaClient(kafka.brokers).producer();
  try {
    await using relay = run(['relay'], {
      TAILRACE_SCHEMA: schema,
      TAILRACE_ADMIN_PORT: '0',
      TAILRACE_REDIS_URL: redisUrl(),
      TAILRACE_REDIS_PREFIX: freshPrefix(),
      TAILRACE_KAFKA_BROKERS: `127.0.0.1:${ports.sasl}`,
      TAILRACE_KAFKA_GROUP_ID: 'guards',
      TAILRACE_KAFKA_SSL: 'on',
      TAILRACE_KAFKA_SSL_CA_FILE: authority.caFile,
      TAILRACE_KAFKA_SASL_MECHANISM: 'plain',
      TAILRACE_KAFKA_SASL_USERNAME: 'relay',
      TAILRACE_KAFKA_SASL_PASSWORD: password,
    });
    const [, port] = await relay.until(/"adminPort":(\d+)/);
    const of = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
    await producer.connect();
    await producer.send({ topic: 'guarded', messages: [{ value: '{no' }, { value: '{"id":"1"}' }] });
    await eventually('it is ready', async () => (await of('/readyz')).startsWith('ready'), { within: 40_000 });
    await eventually('an event is relayed', async () => /events_appended_total\{.*\} 1$/m.test(await of('/metrics')), {
      within: 40_000,
    });
    expect(relay.log()).not.toMatch(/not authorized/i);
  } finally {
    await producer.disconnect();
    rmSync(folder, { recursive: true, force: true });
  }
  const letters = await read('guards.dlq', ({ length }) => length > 0, kafka.brokers);
  expect(letters[0]?.value?.toString()).toBe('{no');
});
