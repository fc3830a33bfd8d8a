import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { tokenFor } from '../support/river.js';
import { pay, payment, payments, paymentsUpTo, sampleRiver, subscribed } from '../support/sample.js';
import { balancer } from '../support/servers/balancer.js';
import { lose } from './lose.js';
import { presets } from './presets.js';

describe.each(presets)('%s', (_, connect) => {
  test('gets every event once and in order while its connections are cut and a replica retires', async () => {
    await using r = await sampleRiver();
    const other = await r.replica();
    await using front = await balancer([other, r].map(({ url }) => Number(new URL(url).port)));
    const token = await tokenFor({ sub: 'ada' });
    await using client = connect({ url: `http://127.0.0.1:${front.port}/graphql`, token: async () => token });
    const heard = client.listen();
    await eventually('from here on nothing is missed', () => heard.ready === 1);
    let last = 0;
    for (let round = 0; round < 20; round++) {
      await pay(r, 'ada', ++last, ++last);
      await pay(r, 'grace', 1_000 + last);
      if (round % 3 === 0) await eventually('all has arrived', () => heard.ids.length >= last);
      if (round === 10) await other.retire();
      front.cut();
      await pay(r, 'ada', ++last);
    }
    await eventually('the last event', () => heard.ids.at(-1) === last);
    expect(heard.ids).toEqual(paymentsUpTo(last));
    expect([heard.ends, heard.faults, heard.gaps]).toEqual([[], [], []]);
  });

  test('goes on behind an event that does not fit its type, and says what was wrong', async () => {
    await using r = await sampleRiver();
    const token = await tokenFor({ sub: 'ada' });
    await using client = connect({ url: r.url, token: async () => token });
    const heard = client.listen();
    await subscribed(r, 1);
    await pay(r, 'ada', 1);
    await r.publish(payments, payment('ada', 2, { id: null }));
    await eventually('it is told', () => heard.faults.length === 1);
    await pay(r, 'ada', 3);
    await eventually('the event behind it', () => heard.ids.length === 2);
    expect(heard.ids).toEqual([1, 3]);
    expect(heard.faults).toEqual([expect.stringContaining('Cannot return null for non-nullable field')]);
    expect(heard.ends).toEqual([]);
  });

  test('is told of a gap ahead of the event that comes after it, and of cursors without events', async () => {
    await using r = await sampleRiver({ heartbeat: 50 });
    const token = await tokenFor({ sub: 'ada' });
    await using client = connect({ url: r.url, token: async () => token });
    const heard = client.listen();
    await subscribed(r, 1);
    await pay(r, 'ada', 1);
    await eventually('an event', () => heard.ids.length === 1);
    await lose(r, 7);
    await eventually('the gap', () => heard.gaps.length === 1);
    expect(heard.ids).toEqual([1]);
    expect(heard.gaps).toEqual([{ reason: 'SOURCE_LOST', missed: 7, ended: false, oldest: null }]);
    await pay(r, 'ada', 2);
    await eventually('the event behind it', () => heard.ids.length === 2);
    expect(heard.gaps).toHaveLength(1);
  });

  test('leaves the server, and closes its socket, with its last subscription', async () => {
    await using r = await sampleRiver();
    await using front = await balancer([Number(new URL(r.url).port)]);
    const token = await tokenFor({ sub: 'ada' });
    await using client = connect({ url: `http://127.0.0.1:${front.port}/graphql`, token: async () => token });
    const [one, other] = [client.listen(), client.listen()];
    // urql takes the same question twice for one.
    await eventually('both listen', () => one.ready > 0 && r.subscribed() > 0);
    one.stop();
    other.stop();
    await subscribed(r, 0);
    await eventually('its socket is closed', () => front.connections() === 0);
  });

  test('is told why it is refused', async () => {
    await using r = await sampleRiver();
    const token = await tokenFor({ sub: 'ada' });
    await using client = connect({ url: r.url, token: async () => token });
    const heard = client.listen('subscription Mine { transaction { pin } }');
    const why = () => [...heard.faults, ...heard.ends.map(String)].join();
    await eventually('it has ended', () => heard.ends.length > 0);
    expect(why()).toContain('Cannot query field "pin" on type "Transaction".');
  });

  test('queries go over HTTP to the one behind it', async () => {
    await using r = await sampleRiver();
    const token = await tokenFor({ sub: 'ada' });
    await using client = connect({ url: r.url, token: async () => token });
    if (client.whoAmI) expect(await client.whoAmI()).toBe('ada');
  });
});
