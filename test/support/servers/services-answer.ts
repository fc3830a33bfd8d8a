import { kafkaAnswers, redisAnswers } from '../../../scripts/services/answers.mjs';
import { kafka39Brokers, kafkaBrokers, redisUrl } from './services.js';

/** Fails the run before its first test when a service is missing: a service that is not there never skips a test. */
export default async function setup(): Promise<void> {
  const asked = [
    ...[kafkaBrokers(), kafka39Brokers()].map((brokers) => brokers.join(',')).map((a) => [a, kafkaAnswers] as const),
    [redisUrl(), redisAnswers] as const,
  ];
  for (const [address, answers] of asked) {
    if (!(await answers(address)))
      throw new Error(`Nothing answers at ${address}: npm run services -- up --kafka=3.9.1`);
  }
}
