import { expect, test } from 'vitest';
import { Topics } from '../../src/schema/topics.js';

test('two clusters may have topics of one name', () => {
  const plan = (cluster: string, topic: string) => ({ cluster, topic, format: 'JSON' as const, extractors: [] });
  const plans = [plan('default', 'cards'), plan('eu', 'cards'), plan('eu', 'notes')];
  const topics = new Topics(plans);
  expect(topics.in('eu').get('cards')).toBe(plans[1]);
  expect([...topics.in('default').keys()]).toEqual(['cards']);
  expect([...topics.in('us').keys()]).toEqual([]);
  expect([...topics]).toEqual(plans);
});
