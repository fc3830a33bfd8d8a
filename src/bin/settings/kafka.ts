import type { Config } from '../../config/variables.js';
import type { KafkaSettings } from '../../kafka/connection.js';
import { tokenProvider } from '../../kafka/oauth-bearer.js';

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
  | 'kafkaSaslTokenUrl'
  | 'kafkaSaslScope'
>;

/** TAILRACE_KAFKA_* as kafkajs takes them. */
export function kafkaSettings(config: Variables): KafkaSettings {
  const tls = {
    ...(config.kafkaSslCa === null ? {} : { ca: config.kafkaSslCa }),
    ...(config.kafkaSslCert === null ? {} : { cert: config.kafkaSslCert }),
    ...(config.kafkaSslKey === null ? {} : { key: config.kafkaSslKey }),
    ...(config.kafkaSslPassphrase === null ? {} : { passphrase: config.kafkaSslPassphrase }),
  };
  return {
    brokers: [...config.kafkaBrokers],
    ssl: config.kafkaSsl && tls,
    ...sasl(config),
  };
}

/** kafkajs' type has one member per mechanism, so each is named. What goes together was checked by the configuration. */
function sasl(config: Variables): Pick<KafkaSettings, 'sasl'> {
  const { kafkaSaslMechanism: mechanism, kafkaSaslUsername: username, kafkaSaslPassword: password } = config;
  if (mechanism === null || username === null || password === null) return {};
  switch (mechanism) {
    case 'plain':
      return { sasl: { mechanism, username, password } };
    case 'scram-sha-256':
      return { sasl: { mechanism, username, password } };
    case 'scram-sha-512':
      return { sasl: { mechanism, username, password } };
    case 'oauthbearer': {
      const { kafkaSaslTokenUrl: url, kafkaSaslScope: scope } = config;
      if (url === null) return {};
      const oauthBearerProvider = tokenProvider({ url, clientId: username, clientSecret: password, scope });
      return { sasl: { mechanism, oauthBearerProvider } };
    }
  }
}
