import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { type Result, river } from '../support/river.js';
import { browser } from './chromium.js';

const sdl = `
  type Subscription { note: Note! @kafka(topic: "notes") @public }
  type Note { id: ID! text: String! }`;

test('a browser that offers compression gets it, and reads every event', async () => {
  await using chromium = await browser();
  await using r = await river(sdl, { compression: true });
  const page = await chromium.open(r.url.replace('/graphql', '/healthz'));
  const handle = await page.evaluateHandle((url) => {
    const heard = { extensions: '', messages: [] as unknown[] };
    const socket = new WebSocket(url, 'graphql-transport-ws');
    const send = (message: object) => socket.send(JSON.stringify(message));
    const query = 'subscription { note { id text } }';
    socket.onopen = () => {
      heard.extensions = socket.extensions;
      send({ type: 'connection_init' });
      for (const id of ['1', 'a longer id']) send({ type: 'subscribe', id, payload: { query } });
    };
    socket.onmessage = ({ data }) => heard.messages.push(JSON.parse(data));
    socket.onclose = ({ code }) => heard.messages.push({ type: 'closed', code });
    return heard;
  }, r.wsUrl);
  const heard = () => handle.jsonValue() as Promise<{ extensions: string; messages: Result[] }>;
  await eventually('both have begun', () => r.subscribed() === 2);
  const texts = Array.from({ length: 20 }, (_, n) => `${n} äöü `.repeat(10 * n));
  for (const [id, text] of texts.entries()) await r.publish('notes', { id, text });
  const nexts = async () => (await heard()).messages.filter(({ type }) => type === 'next');
  await eventually('all has come', async () => (await nexts()).length === 2 * texts.length);
  for (const id of ['1', 'a longer id']) {
    const mine = (await nexts()).filter((message) => message.id === id);
    expect(mine.map(({ payload }) => payload.data.note.text)).toEqual(texts);
  }
  expect((await heard()).extensions).toContain('permessage-deflate');
  expect((await heard()).messages.some(({ type }) => type === 'closed')).toBe(false);
});
