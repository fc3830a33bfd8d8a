import { duration, list, toggle } from '../../serve/settings/kinds.js';
import { broker, oneOf, text, url } from '../kinds.js';
import { declaredFor } from '../variable.js';

const relaying = declaredFor('relay');
const consuming = declaredFor('dev', 'relay');
const kafka = declaredFor('dev', 'relay', 'send', 'sample');

/** The Kafka that is read, and what becomes of records that cannot be relayed. */
export const ofKafka = {
  kafkaBrokers: kafka(
    list('addresses like kafka-1:9092, separated by commas', broker),
    (command) => (command === 'dev' || command === 'send' ? '' : '127.0.0.1:9092'),
    'The brokers to begin with. Unset, `dev` has no Kafka, and `send` sends to `dev`.',
  ),
  kafkaGroupId: consuming(
    text,
    'tailrace',
    'The consumer group that all relays of one log share; what the name of each `dev`’s own group begins with.',
  ),
  kafkaLinger: consuming(
    duration(0, 1_000),
    '20ms',
    'How far fetches are apart where 10,000 records/s and more come, and at lower rates as much less: records gather, and cost less each. Few are not waited for. `0ms` fetches as they come.',
  ),
  kafkaSsl: kafka(toggle, 'off', 'TLS to the brokers.'),
  kafkaSslCa: kafka(text, null, 'The authority that signed the brokers’ certificates (PEM).', { secret: true }),
  kafkaSslCert: kafka(text, null, 'The certificate to show to the brokers (PEM).', { secret: true }),
  kafkaSslKey: kafka(text, null, 'The key of that certificate (PEM).', { secret: true }),
  kafkaSslPassphrase: kafka(text, null, 'The passphrase of that key.', { secret: true }),
  kafkaSaslMechanism: kafka(
    oneOf('plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'),
    null,
    'How to sign in to the brokers; needs a username and a password.',
  ),
  kafkaSaslUsername: kafka(text, null, 'The username at the brokers; for `oauthbearer` the client id.'),
  kafkaSaslPassword: kafka(text, null, 'The password at the brokers; for `oauthbearer` the client secret.', {
    secret: true,
  }),
  kafkaSaslTokenUrl: kafka(url, null, 'Where `oauthbearer` gets its tokens (client credentials grant).'),
  kafkaSaslScope: kafka(text, null, 'The scope to ask for with them.'),
  dlq: relaying(
    oneOf('wait', 'skip'),
    'wait',
    'While the dead-letter topic cannot be written: wait with the partition, or skip the record.',
  ),
  dlqTopic: relaying(text, null, 'The dead-letter topic. Without it, `<group id>.dlq`.'),
  refillMax: relaying(
    duration(),
    '60s',
    'How much of a partition, by its records’ age, is written again after the log lost data. The rest is a told gap.',
  ),
};
