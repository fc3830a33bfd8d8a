import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { listen, river } from '../support/river.js';

const sdl = `
  type Subscription {
    whole: Note! @kafka(topic: "notes", each: "record.value.list") @public
    made: Note! @kafka(topic: "notes", each: "record.value.list.filter(e, has(e.id)).map(e, {'id': e.id, 'note': e.note})") @public
    payload: Note! @kafka(topic: "texts", pick: "json(record.value.payload)") @where(rule: "event.id != '0'") @public
    level: Line! @kafka(topic: "lines") @public
  }
  type Note { id: ID note: String }
  type Line { level: String @from(path: "['log.level']") text: String @from(path: "translation[0].text") }`;

test('a null member is a null, in an event whose siblings come too', async () => {
  await using r = await river(sdl);
  await using made = listen(r.wsUrl, 'subscription { made { id note } }', {});
  await eventually('it has started', () => r.subscribed() === 1);
  await r.publish('notes', {
    list: [
      { id: 1, note: 'a' },
      { id: 2, note: null },
      { id: 3, note: 'c' },
    ],
  });
  await eventually('all came', () => made.results.length === 3);
  expect(made.results.map(({ data }) => data.made)).toEqual([
    { id: '1', note: 'a' },
    { id: '2', note: null },
    { id: '3', note: 'c' },
  ]);
});

test('an element that is no object is an error of its own, and its siblings are shown', async () => {
  await using r = await river(sdl);
  await using whole = listen(r.wsUrl, 'subscription { whole { id note } }', {});
  await eventually('it has started', () => r.subscribed() === 1);
  await r.publish('notes', { list: [{ id: 1 }, 'text', 7, null, [{ id: 5 }], { id: 6 }] });
  await eventually('all came', () => whole.results.length === 5);
  const shown = whole.results.map(({ data, errors }) => errors?.[0].message ?? data?.whole.id);
  const expected = (what: string) => `Expected an object for Note, found ${what}.`;
  expect(shown).toEqual(['1', expected('a text'), expected('a number'), expected('a list'), '6']);
  for (const { extensions } of whole.results) expect(extensions.cursor).toEqual(expect.any(String));
});

test('keys that hold dots, elements of lists and JSON inside of a text reach the client', async () => {
  await using r = await river(sdl);
  await using level = listen(r.wsUrl, 'subscription { level { level text } }', {});
  await using payload = listen(r.wsUrl, 'subscription { payload { id note } }', {});
  await eventually('both have started', () => r.subscribed() === 2);
  await r.publish('lines', { 'log.level': 'warn', translation: [{ text: 'x' }] });
  for (const id of [0, 1]) await r.publish('texts', { payload: JSON.stringify({ id, note: null }) });
  await eventually('both came', () => level.results.length === 1 && payload.results.length === 1);
  expect(level.results[0].data).toEqual({ level: { level: 'warn', text: 'x' } });
  expect(payload.results[0].data).toEqual({ payload: { id: '1', note: null } });
});
