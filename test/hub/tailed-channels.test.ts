import { expect, test } from 'vitest';
import type { Channel } from '../../src/event/channel.js';
import type { ChannelListener } from '../../src/hub/listener.js';
import { TailedChannels } from '../../src/hub/tailed-channels.js';
import { eventually } from '../support/eventually.js';
import { turns } from '../support/log/hostile-log.js';

function tailed(leaveDelay: number) {
  const told: string[] = [];
  const counts: number[] = [];
  const channels = new TailedChannels({
    tail: {
      listen: async (names) => void told.push(`+${names.join('')}`),
      leave: (names) => void told.push(`-${names.join('')}`),
    },
    leaveDelay,
    changed: (count) => void counts.push(count),
    left: () => {},
  });
  return { channels, told, counts };
}

const listener = (names: string): ChannelListener => ({
  topic: 'notes',
  channels: [...names] as Channel[],
  retain: 1,
  heard: () => {},
  lost: () => {},
});

test('all who come in one moment are one SUBSCRIBE, and each channel is in it once', async () => {
  const { channels, told } = tailed(1_000);
  await Promise.all(['ab', 'bc', 'c', 'd'].map((names) => channels.enter(listener(names))));
  expect(told).toEqual(['+abcd']);
  channels.close();
});

test('all who have left are one UNSUBSCRIBE, after the delay', async () => {
  const { channels, told, counts } = tailed(5);
  const all = ['a', 'b', 'c'].map(listener);
  await Promise.all(all.map((one) => channels.enter(one)));
  for (const one of all) channels.leave(one);
  await eventually('all are given up', () => counts.at(-1) === 0);
  await eventually('the tail knows', () => expect(told.slice(1).join('')).toMatch(/^(-[abc]+)+$/));
  expect(told.slice(1).join('').replace(/-/g, '')).toBe('abc');
});

test('who comes in the very moment when a channel is given up does not end up deaf', async () => {
  const heard = new Set<Channel>();
  let back: Promise<unknown> | null = null;
  const channels: TailedChannels = new TailedChannels({
    tail: {
      async listen(names) {
        for (const name of names) heard.add(name);
      },
      leave(names) {
        for (const name of names) heard.delete(name);
      },
    },
    leaveDelay: 5,
    changed: () => {},
    // The tail is about to be told of others when this one goes, and of this one's return before it is told that it went.
    left(name) {
      if (name === 'a') void channels.enter(listener('c'));
      else back = channels.enter(listener('a'));
    },
  });
  const first = listener('ab');
  await channels.enter(first);
  channels.leave(first);
  await eventually('somebody came back', () => back !== null);
  await back;
  await turns(3);
  expect([...heard].sort()).toEqual(['a', 'c']);
  channels.close();
});
