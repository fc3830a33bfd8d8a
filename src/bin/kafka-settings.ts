import type { Config } from '../config.js';
import type { KafkaSettings } from '../relay/kafka-connection.js';

type Variables = Pick<
  Config<'sample'>,
  | 'kafkaBrokers'
  | 'kafkaSsl'
  | 'kafkaSslCa'
  | 'kafkaSslCert'
  | 'kafkaSslKey'
  | 'kafkaSslPassphrase'
  | 'kafkaSaslMechanism'
  | 'kafkaSaslUsername'
  | 'kafkaSaslPassword'
>;

/** TAILRACE_KAFKA_* as kafkajs takes them. */
export function kafkaSettings(config: Variables): KafkaSettings {
  const { kafkaSaslMechanism: mechanism, kafkaSaslUsername: username, kafkaSaslPassword: password } = config;
  const tls = {
    ...(config.kafkaSslCa === null ? {} : { ca: config.kafkaSslCa }),
    ...(config.kafkaSslCert === null ? {} : { cert: config.kafkaSslCert }),
    ...(config.kafkaSslKey === null ? {} : { key: config.kafkaSslKey }),
    ...(config.kafkaSslPassphrase === null ? {} : { passphrase: config.kafkaSslPassphrase }),
  };
  return {
    brokers: [...config.kafkaBrokers],
    ssl: config.kafkaSsl && tls,
    ...(mechanism === null || username === null || password === null
      ? {}
      : { sasl: sasl(mechanism, username, password) }),
  };
}

/** kafkajs' type has one member per mechanism, so each is named. */
function sasl(mechanism: NonNullable<Variables['kafkaSaslMechanism']>, username: string, password: string) {
  switch (mechanism) {
    case 'plain':
      return { mechanism, username, password } as const;
    case 'scram-sha-256':
      return { mechanism, username, password } as const;
    case 'scram-sha-512':
      return { mechanism, username, password } as const;
  }
}
