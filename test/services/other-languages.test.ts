import { expect, test } from 'vitest';
import { programs } from '../../scripts/clients/programs.mjs';
import { follow } from '../support/other-languages/program.js';
import { kept, openStage } from '../support/other-languages/stage.js';
import { eventually } from '../support/servers/services.js';

/** Python is quick to fetch; `npm run clients -- java` has the others looked at. */
const languages = process.env.CLIENTS?.split(',') ?? ['python'];

const payments = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `payment ${from + i}`);

test.each(languages)(
  'the loop in %s shows every payment once and in order, over cuts, killed and retired gateways and the end of its token, and tells a gap',
  async (language) => {
    const program = programs[language];
    if (!program) throw new Error(`there is no client in ${language}: ${Object.keys(programs).join(', ')}`);
    await using stage = await openStage();
    await using client = follow(program(), stage);
    const { way, gateways, tokens } = stage;
    const audit = () => gateways.flatMap((gateway) => gateway.audit());
    const till = (what: string, look: () => void) =>
      eventually(
        what,
        () => {
          expect(client.hasEnded(), client.complaints()).toBe(false);
          look();
        },
        { within: 40_000 },
      );
    const heard = (last: string) => till(`it says ${last}`, () => expect(client.lines()).toContain(last));

    await till('it has subscribed', () =>
      expect(audit()).toContainEqual(expect.objectContaining({ event: 'subscribed' })),
    );
    const said = way.said();
    await eventually('it has answered a ping, which brought its first cursor', () => way.said() > said);
    way.refuse();
    await stage.pay(3);
    way.open();
    await heard('payment 3');

    for (const signal of ['SIGKILL', 'SIGTERM'] as const)
      for (const gateway of gateways) {
        await stage.pay(5);
        await gateway.end(signal);
        await gateway.start();
        await stage.pay(5);
      }
    await heard('payment 43');

    tokens.life = 2_000;
    const asked = tokens.count;
    way.cut();
    // Each connection asks once. What the gateways log is read a moment later: counted by it, one may be missed.
    await till('it has asked after the cut, and again as that token ended', () =>
      expect(tokens.count).toBeGreaterThanOrEqual(asked + 2),
    );
    tokens.life = 3_600_000;
    await stage.pay(7);
    await heard('payment 50');

    way.refuse();
    await stage.pay(kept + 20);
    // What a gateway has heard lately it can show, also when the log has let go of it.
    await Promise.all(gateways.map((gateway) => gateway.end('SIGKILL')));
    await Promise.all(gateways.map((gateway) => gateway.start()));
    way.open();
    await heard(`payment ${kept + 70}`);
    const lines = client.lines();
    const gap = lines.findIndex((line) => line.startsWith('gap TRIMMED'));
    expect(lines.toSpliced(gap, 1)).toEqual([...payments(1, 50), ...payments(71, kept + 70)]);
    expect(lines[gap + 1]).toBe('payment 71');
  },
  // Java and Rust are fetched and built within it.
  600_000,
);
