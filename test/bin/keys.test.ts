import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { certificateAuthority } from '../support/servers/certificates.js';
import { keyHost, wrongAnswers } from '../support/servers/key-host.js';
import { run } from './process.js';

/** `tailrace dev` whose tokens are those of an issuer elsewhere. */
async function devWith(env: Readonly<Record<string, string>>) {
  const running = run(['dev'], { TAILRACE_PORT: '0', TAILRACE_ADMIN_PORT: '0', ...env });
  const [, url = ''] = await running.until(/(http:\/\/127\.0\.0\.1:\d+)\/graphql\/stream/);
  const [, admin = ''] = await running.until(/(http:\/\/127\.0\.0\.1:\d+)\/metrics/);
  const text = async (at: string) => (await fetch(at)).text();
  return {
    running,
    ready: () => text(`${admin}/readyz`),
    status: async () => (await fetch(`${url}/readyz`)).status,
    metrics: () => text(`${admin}/metrics`),
    ask: async (token: string) =>
      (
        await fetch(`${url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
          body: '{"query":"{ viewer { sub } }"}',
        })
      ).status,
    warnings: () =>
      running
        .log()
        .split('\n')
        .filter((line) => line.includes('"level":"warn"'))
        .map((line) => JSON.parse(line) as { address: string; reason: string; msg: string }),
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}

describe('keys that cannot be had', () => {
  test.each([
    ['nothing there', /^it answers 404$/],
    ['another place', /^it answers 302 and leads to \/elsewhere, which is not followed$/],
    ['a page', /^it answers text\/html, which is no JSON$/],
  ] as const)('are told with address and reason before anybody signs in: %s', async (what, reason) => {
    await using host = await keyHost();
    host.state.answer = wrongAnswers[what];
    await using dev = await devWith({ TAILRACE_AUTH_JWKS_URL: `${host.jwksUrl}?key=hidden` });
    const [warning] = await eventually('a warning', () => (dev.warnings().length > 0 ? dev.warnings() : null));
    expect(warning).toMatchObject({ address: host.jwksUrl, reason: expect.stringMatching(reason) });
    expect(await dev.ready()).toBe(`no key of tokens was had yet: ${host.jwksUrl}: ${warning?.reason}\n`);
    expect(await dev.status()).toBe(503);
    expect(await dev.metrics()).toMatch(
      new RegExp(`^tailrace_gateway_key_fetches_total\\{address="${host.jwksUrl}",outcome="failed"\\} [1-9]`, 'm'),
    );
    const tokens = await Promise.all(Array.from({ length: 50 }, () => host.sign()));
    expect(new Set(await Promise.all(tokens.map(dev.ask)))).toEqual(new Set([503]));
    expect(host.state.mostAtOnce).toBe(1);
    expect(host.state.asked.length).toBeLessThan(6);
    expect(dev.warnings()).toHaveLength(1);
    expect(dev.running.log()).not.toContain('hidden');

    host.state.answer = host.publish;
    await eventually('it is ready by itself', async () => (await dev.status()) === 200);
    expect(await dev.ask(tokens[0] as string)).toBe(200);
    expect(await dev.metrics()).toContain(`key_fetches_total{address="${host.jwksUrl}",outcome="ok"} 1`);
  });

  test('because their host has a certificate of a private authority are had with TAILRACE_AUTH_JWKS_CA', async () => {
    using authority = certificateAuthority();
    await using host = await keyHost(authority.issue('issuer'));
    {
      await using dev = await devWith({ TAILRACE_AUTH_JWKS_URL: host.jwksUrl });
      const [warning] = await eventually('a warning', () => (dev.warnings().length > 0 ? dev.warnings() : null));
      expect(warning?.reason).toMatch(/certificate .*TAILRACE_AUTH_JWKS_CA/);
      expect(await dev.ask(await host.sign())).toBe(503);
    }
    await using dev = await devWith({
      TAILRACE_AUTH_JWKS_URL: host.jwksUrl,
      TAILRACE_AUTH_JWKS_CA_FILE: authority.caFile,
    });
    expect(await dev.ask(await host.sign())).toBe(200);
    expect(dev.warnings()).toEqual([]);
  });
});

test('an authority that is none, or that nobody is asked by, is refused at the start', async () => {
  const url = { TAILRACE_AUTH_JWKS_URL: 'https://127.0.0.1:1/keys' };
  const none = await run(['dev'], { ...url, TAILRACE_AUTH_JWKS_CA: 'x' }).ended;
  expect(none.err).toBe(
    'TAILRACE_AUTH_JWKS_CA must be a certificate in PEM; one in a file is named by TAILRACE_AUTH_JWKS_CA_FILE.\n',
  );
  using authority = certificateAuthority();
  const idle = await run(['dev'], { TAILRACE_AUTH_JWKS_CA_FILE: authority.caFile }).ended;
  expect(idle.err).toBe('TAILRACE_AUTH_JWKS_CA is for TLS: an address of keys must begin with https.\n');
});
