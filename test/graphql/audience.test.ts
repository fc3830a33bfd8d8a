import { expect, test } from 'vitest';
import type { Channel } from '../../src/event/channel.js';
import { type Addressed, audienceOf } from '../../src/graphql/audience.js';
import type { Seat } from '../../src/hub/seat.js';
import { metaAt } from '../support/meta.js';

const channels = (...names: string[]) => names as Channel[];

function groupOf(seats: number, heard: readonly Channel[], sees: (event: unknown) => boolean) {
  return {
    channels: heard,
    seats: new Set(Array.from({ length: seats }, () => ({}) as Seat)),
    plan: { permit: ({ event }: { event: unknown }) => ({ pass: sees(event), error: null }) },
  } as unknown as Parameters<typeof audienceOf>[0] extends Iterable<infer G> ? G : never;
}

const eventOf = (event: unknown, ...names: string[]): Addressed => ({
  source: {
    origin: '',
    record: metaAt('t', 0),
    index: 0,
    event,
  },
  channels: channels(...names),
});

test('those count who listen where an event goes, and of them those whom the rule lets see it', () => {
  const groups = [
    groupOf(3, channels('a', 'b'), () => true),
    groupOf(2, channels('b'), () => false),
    groupOf(5, channels('c'), () => true),
  ];
  expect(audienceOf(groups, [eventOf(1, 'b')])).toEqual({ listening: 5, shown: 3 });
  expect(audienceOf(groups, [eventOf(1, 'd')])).toEqual({ listening: 0, shown: 0 });
  expect(audienceOf(groups, [])).toEqual({ listening: 0, shown: 0 });
});

test('a stream counts once, however many of the events are for it, and one that it may see is enough', () => {
  const groups = [groupOf(2, channels('a', 'b'), (event) => event === 7)];
  expect(audienceOf(groups, [eventOf(1, 'a'), eventOf(7, 'b', 'a'), eventOf(7, 'a')])).toEqual({
    listening: 2,
    shown: 2,
  });
  // The one that it may see goes where it does not listen.
  expect(audienceOf(groups, [eventOf(1, 'a'), eventOf(7, 'c')])).toEqual({ listening: 2, shown: 0 });
});
