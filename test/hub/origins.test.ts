import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { Stage } from './stage.js';

/** What is appended next is another cluster's, or of a topic that was made again: its offsets begin anew. */
function another(stage: Stage) {
  stage.origin = 'topicQ';
  stage.offset = 0;
}

/** Three events of one origin and two of another one, and who heard them all. */
async function fiveOfTwo(stage: Stage) {
  const group = await stage.group();
  const live = stage.seat(group);
  await stage.append([1, 2, 3]);
  another(stage);
  await stage.append([4, 5]);
  return { group, live };
}

test('records of another origin are no repeats, though their offsets are lower: live, after a cursor and in a replay', async () => {
  await using stage = await Stage.open();
  const { group, live } = await fiveOfTwo(stage);
  // In the replay of one of them both origins come by; the other one's begins between them.
  const resumed = [live.cursors[0], live.cursors[2]].map((cursor) => stage.seat(group, stage.after(cursor)));
  const fresh = stage.seat(group);
  await Promise.all(resumed.map(({ started }) => started));
  await stage.append([6]);
  expect(live.shown).toEqual([1, 2, 3, 4, 5, 6]);
  expect(resumed.map(({ shown }) => shown)).toEqual([
    [2, 3, 4, 5, 6],
    [4, 5, 6],
  ]);
  expect(fresh.shown).toEqual([6]);
});

test('what a log lost of two origins is written again, and each of it shown once', async () => {
  await using stage = await Stage.open();
  const { group, live } = await fiveOfTwo(stage);
  const lost = stage.log.lose(0, 4);
  const resumed = [live.cursors[1], live.cursors[3]].map((cursor) => stage.seat(group, stage.after(cursor)));
  await Promise.all(resumed.map(({ started }) => started));
  stage.log.append(lost, true);
  await stage.append([6]);
  await eventually('all of it', () =>
    expect(resumed.map(({ shown }) => shown)).toEqual([
      [3, 4, 5, 6],
      [5, 6],
    ]),
  );
  expect(live.shown).toEqual([1, 2, 3, 4, 5, 6]);
});

test('a rewind over two origins learns both: nothing that is written again is shown again', async () => {
  await using stage = await Stage.open();
  const group = await stage.group();
  await stage.append([1, 2, 3]);
  another(stage);
  await stage.append([4]);
  const rewound = stage.seat(group, { kind: 'rewind', count: 3 });
  await rewound.started;
  expect(rewound.shown).toEqual([2, 3, 4]);
  const back = stage.seat(group, stage.after(rewound.cursors[1]));
  await back.started;
  stage.log.append(stage.log.lose(0, 3), true);
  await stage.append([5]);
  expect([rewound.shown, back.shown]).toEqual([
    [2, 3, 4, 5],
    [4, 5],
  ]);
});
