import { Redis } from 'ioredis';
import kafkajs from 'kafkajs';

/**
 * The consumer loop that goes with it: every record is published to Redis, on its topic's channel or on that of its
 * user. Prints a line when it has joined its group.
 */
const { KAFKA_BROKERS = '', REDIS_URL = '', TOPICS = '{}', GROUP = 'naive', FILTER = 'off' } = process.env;
/** From the name of the topic in Kafka to what it is called here. */
const names = JSON.parse(TOPICS) as Record<string, 'quotes' | 'orders' | 'vehicles'>;
const redis = new Redis(REDIS_URL);
const kafka = new kafkajs.Kafka({ brokers: KAFKA_BROKERS.split(','), logLevel: kafkajs.logLevel.ERROR });
const consumer = kafka.consumer({ groupId: GROUP });

function publish(name: string, value: Buffer) {
  if (name === 'quotes') return redis.publish(name, value);
  const event = JSON.parse(value.toString());
  if (name === 'orders') return redis.publish(FILTER === 'on' ? name : `orders:${event.userId}`, value);
  return Promise.all(
    event.entity.map((vehicle: { id: string }) =>
      redis.publish(FILTER === 'on' ? name : `vehicles:${vehicle.id}`, JSON.stringify(vehicle)),
    ),
  );
}

await consumer.connect();
await consumer.subscribe({ topics: Object.keys(names), fromBeginning: false });
consumer.on('consumer.group_join', () => console.log('{"joined":true}'));
await consumer.run({
  eachMessage: async ({ topic, message }) => {
    if (message.value) await publish(names[topic] as string, message.value);
  },
});
