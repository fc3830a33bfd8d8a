import { run } from '../../bin/process.js';
import { secret } from '../river.js';
import { eventually, testClock } from './services.js';

/** A gateway as a process, by a clock in the test's hands; resolves when it is ready. `settings` go before its own. */
export async function clockedGateway(redisUrl: string, settings: Readonly<Record<string, string>> = {}) {
  const clock = testClock();
  const gateway = run(['gateway'], {
    TAILRACE_PORT: '0',
    TAILRACE_ADMIN_PORT: '0',
    TAILRACE_CURSOR_SECRET: 'c'.repeat(32),
    TAILRACE_AUTH_JWT_SECRET: secret,
    TAILRACE_REDIS_URL: redisUrl,
    ...settings,
    ...clock.env,
  });
  const [, admin] = await gateway.until(/"adminPort":(\d+)/);
  const [, port] = await gateway.until(/"port":(\d+)/);
  await eventually('the gateway is ready', async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok);
  return {
    clock,
    gateway,
    wsUrl: `ws://127.0.0.1:${port}/graphql`,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      clock[Symbol.dispose]();
    },
  };
}
