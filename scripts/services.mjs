// npm run services -- up [--kafka=3.9.1] | down | status
// Plain JavaScript without a dependency: it runs before `npm ci` has.
import { exitWith, Fault } from './services/fault.mjs';
import { down, everyService, status, up } from './services/find.mjs';

const usage = `usage: npm run services -- up [--kafka=3.9.1] | down | status`;

/** @param {string[]} args */
async function main([command, ...options]) {
  switch (command) {
    case 'up':
      if (options.some((option) => option !== '--kafka=3.9.1' && option !== '--kafka=4.3.1')) throw new Fault(usage);
      return void (await up(
        everyService.filter((name) => name !== 'kafka-3.9.1' || options.includes('--kafka=3.9.1')),
      ));
    case 'down':
      return await down();
    case 'status':
      process.exitCode = (await status()) ? 0 : 1;
      return;
    default:
      throw new Fault(usage);
  }
}

await main(process.argv.slice(2)).catch(exitWith);
