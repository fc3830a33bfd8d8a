import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Logger } from '../../src/observe/logger.js';
import { silent } from '../../src/observe/logger.js';
import { byTokens, type TokenSettings, withToken } from '../../src/serve/identity/authenticate.js';
import { eventually } from '../support/eventually.js';
import { certificateAuthority } from '../support/servers/certificates.js';
import { keyHost, wrongAnswers } from '../support/servers/key-host.js';

interface Told {
  readonly address: string;
  readonly reason?: string;
}

/** Tokens of these issuers, and all that is told of their keys. */
function tokensOf(...issuers: (Partial<TokenSettings> & { jwksUrl?: string })[]) {
  const told: { warnings: Told[]; infos: Told[]; fetches: [string, boolean][] } = {
    warnings: [],
    infos: [],
    fetches: [],
  };
  const logger: Logger = {
    ...silent,
    warn: (fields) => void told.warnings.push(fields as Told),
    info: (fields) => void told.infos.push(fields as Told),
  };
  const keysFetched = (address: string, had: boolean) => void told.fetches.push([address, had]);
  const unset = { secrets: [], jwksUrl: null, issuer: null, audience: null };
  const { authenticate, keys } = byTokens(
    issuers.map((issuer) => ({ ...unset, ...issuer })),
    { logger, metrics: { keysFetched } },
  );
  const whose = (token: string) =>
    authenticate(withToken(token)).then(
      ({ claims }) => claims.sub,
      ({ code }) => code as string,
    );
  return { told, keys, whose, [Symbol.dispose]: keys.close };
}

afterEach(() => vi.useRealTimers());
const later = (seconds: number) => vi.advanceTimersByTime(seconds * 1_000);

describe('a host of keys that gives none is told with its address and the reason', () => {
  test.each([
    ['nothing there', 'it answers 404'],
    ['another place', 'it answers 302 and leads to /elsewhere, which is not followed'],
    ['a page', 'it answers text/html, which is no JSON'],
    ['something else in JSON', 'its JSON is neither a list of keys nor an OpenID configuration'],
    ['no keys in its list', 'its list has no key of a kind that signs tokens'],
  ] as const)('%s', async (what, reason) => {
    await using host = await keyHost();
    host.state.answer = wrongAnswers[what];
    using tokens = tokensOf({ jwksUrl: `${host.jwksUrl}?key=hidden` });
    expect(await tokens.whose(await host.sign())).toBe('UNAVAILABLE');
    expect(tokens.told.warnings).toEqual([{ address: host.jwksUrl, reason }]);
    expect(tokens.told.fetches).toEqual([[host.jwksUrl, false]]);
    expect(tokens.keys.unready()).toBe(`no key of tokens was had yet: ${host.jwksUrl}: ${reason}`);
  });

  test.each([
    [
      'an answer that never ends',
      (write: (text: string) => void) => write(' '.repeat(2_000_000)),
      /more than 1048576 bytes/,
    ],
    [
      'a list of what is no key',
      (write: (text: string) => void) => write('{"keys":[1,null,[],{"kty":"oct"}]}'),
      /no key of a kind/,
    ],
  ])('%s', async (_, write, reason) => {
    await using host = await keyHost();
    host.state.answer = (__, response) => {
      write((text) => response.write(text));
      if (!reason.source.includes('bytes')) response.end();
    };
    using tokens = tokensOf({ jwksUrl: host.jwksUrl });
    expect(await tokens.whose(await host.sign())).toBe('UNAVAILABLE');
    expect(tokens.told.warnings[0]?.reason).toMatch(reason);
  });

  test('no answer', async () => {
    await using host = await keyHost();
    host.state.answer = () => undefined;
    using tokens = tokensOf({ jwksUrl: host.jwksUrl });
    expect(await tokens.whose(await host.sign())).toBe('UNAVAILABLE');
    expect(tokens.told.warnings[0]?.reason).toBe('it does not answer within 5 s');
  });

  test('nobody there, and no such host', async () => {
    const host = await keyHost();
    const token = await host.sign();
    await host.goesAway();
    using away = tokensOf({ jwksUrl: host.jwksUrl });
    expect(await away.whose(token)).toBe('UNAVAILABLE');
    expect(away.told.warnings[0]?.reason).toBe('it refuses connections');
    using nowhere = tokensOf({ jwksUrl: 'http://keys.invalid/keys' });
    expect(await nowhere.whose(token)).toBe('UNAVAILABLE');
    expect(nowhere.told.warnings[0]?.reason).toMatch(/^there is no such host$|EAI_AGAIN/);
  });

  test('a certificate of a private authority, until it is named; and no TLS at all', async () => {
    using authority = certificateAuthority();
    using another = certificateAuthority();
    await using host = await keyHost(authority.issue('issuer'));
    const token = await host.sign();
    for (const jwksCa of [null, another.ca]) {
      using tokens = tokensOf({ jwksUrl: host.jwksUrl, jwksCa });
      expect(await tokens.whose(token)).toBe('UNAVAILABLE');
      expect(tokens.told.warnings[0]?.reason).toMatch(/^its certificate is of an authority .*TAILRACE_AUTH_JWKS_CA$/);
    }
    using tokens = tokensOf({ jwksUrl: host.jwksUrl, jwksCa: another.ca + authority.ca });
    expect(await tokens.whose(token)).toBe('ada');
    await using plain = await keyHost();
    using wrong = tokensOf({ jwksUrl: plain.jwksUrl.replace('http:', 'https:') });
    expect(await wrong.whose(token)).toBe('UNAVAILABLE');
    expect(wrong.told.warnings[0]?.reason).toBe('it does not speak TLS');
  });
});

describe('while no key was ever had', () => {
  test('the host is asked once at a time, then after a pause that grows to half a minute', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    await using host = await keyHost();
    host.state.answer = wrongAnswers['nothing there'];
    using tokens = tokensOf({ jwksUrl: host.jwksUrl });
    const token = await host.sign();
    const many = async () => new Set(await Promise.all(Array.from({ length: 50 }, () => tokens.whose(token))));
    expect(await many()).toEqual(new Set(['UNAVAILABLE']));
    expect(host.state.asked).toHaveLength(1);
    const pauses: number[] = [];
    for (const seconds of [0.5, 1, 2, 4, 8, 16, 30, 30, 30]) {
      const before = host.state.asked.length;
      // Not a moment before.
      vi.advanceTimersByTime(seconds * 1_000 - 1);
      if (seconds > 1) await many();
      expect(host.state.asked).toHaveLength(before);
      vi.advanceTimersByTime(1);
      await many();
      pauses.push(host.state.asked.length - before);
    }
    expect(pauses).toEqual(Array.from(pauses, () => 1));
    expect(host.state.mostAtOnce).toBe(1);
  });

  test('whoever comes a moment before the next attempt waits for it, and is let in', async () => {
    const host = await keyHost();
    await host.goesAway();
    using tokens = tokensOf({ jwksUrl: host.jwksUrl });
    const token = await host.sign();
    expect(await tokens.whose(token)).toBe('UNAVAILABLE');
    await host.comesBack();
    expect(await tokens.whose(token)).toBe('ada');
    await host.goesAway();
  });

  test('it is told once a minute, and when it is over', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    await using host = await keyHost();
    host.state.answer = wrongAnswers['nothing there'];
    using tokens = tokensOf({ jwksUrl: host.jwksUrl });
    const token = await host.sign();
    const warnings: number[] = [];
    for (let half = 0; half < 8; half++) {
      await tokens.whose(token);
      warnings.push(tokens.told.warnings.length);
      later(31);
    }
    expect(warnings).toEqual([1, 1, 2, 2, 3, 3, 4, 4]);
    expect(tokens.told.infos).toEqual([]);
    host.state.answer = host.publish;
    expect(await tokens.whose(token)).toBe('ada');
    expect(tokens.told.infos).toEqual([{ address: host.jwksUrl }]);
    expect(tokens.keys.unready()).toBeNull();
  });
});

describe('keys that were had', () => {
  test('go on working while their host is away, and that is told too', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    await using host = await keyHost();
    using tokens = tokensOf({ jwksUrl: host.jwksUrl });
    const token = await host.sign();
    expect(await tokens.whose(token)).toBe('ada');
    host.state.answer = wrongAnswers['a page'];
    later(601);
    for (let time = 0; time < 5; time++) expect(await tokens.whose(token)).toBe('ada');
    expect(tokens.told.warnings).toEqual([{ address: host.jwksUrl, reason: 'it answers text/html, which is no JSON' }]);
    expect(host.state.asked).toHaveLength(2);
    expect(tokens.keys.unready()).toBeNull();
    later(3_600);
    expect(await tokens.whose(token)).toBe('ada');
    expect(tokens.told.warnings).toHaveLength(2);
  });

  test('are taken back by an empty list', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    await using host = await keyHost();
    using tokens = tokensOf({ jwksUrl: host.jwksUrl });
    const token = await host.sign();
    expect(await tokens.whose(token)).toBe('ada');
    host.state.answer = wrongAnswers['no keys in its list'];
    later(601);
    expect(await tokens.whose(token)).toBe('UNAVAILABLE');
  });

  test('are fetched again by themselves as long as they are kept, whoever signs in or not', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
    await using host = await keyHost();
    using tokens = tokensOf({ jwksUrl: host.jwksUrl });
    tokens.keys.keep();
    const had = (times: number) => eventually(`had ${times} times`, () => tokens.told.fetches.length === times);
    await had(1);
    later(599);
    expect(host.state.asked).toHaveLength(1);
    later(2);
    await had(2);
    host.state.answer = wrongAnswers['nothing there'];
    later(601);
    await had(3);
    later(31);
    await had(4);
    tokens.keys.close();
    later(3_600);
    expect(await tokens.whose(await host.sign())).toBe('ada');
    expect(host.state.asked).toHaveLength(4);
  });
});

describe('the address of an OpenID configuration', () => {
  const configuration = (host: Awaited<ReturnType<typeof keyHost>>, uri: unknown) => {
    host.state.answer = (request, response) =>
      request.url === '/keys'
        ? host.publish(request, response)
        : void response.end(JSON.stringify({ issuer: 'x', jwks_uri: uri }));
    return `${host.origin}/.well-known/openid-configuration`;
  };

  test('leads to its keys', async () => {
    await using host = await keyHost();
    using tokens = tokensOf({ jwksUrl: configuration(host, host.jwksUrl) });
    expect(await tokens.whose(await host.sign())).toBe('ada');
    expect(host.state.asked).toEqual(['/.well-known/openid-configuration', '/keys']);
  });

  test('is not followed in a circle, nor from https to where anybody could answer', async () => {
    await using host = await keyHost();
    using circle = tokensOf({ jwksUrl: configuration(host, `${host.origin}/again`) });
    expect(await circle.whose(await host.sign())).toBe('UNAVAILABLE');
    const at = `${host.origin}/again, which it names, cannot be used`;
    expect(circle.told.warnings[0]?.reason).toBe(`${at}: its JSON is no list of keys`);
    for (const uri of ['keys', 'file:///etc/keys', 7]) {
      using odd = tokensOf({ jwksUrl: configuration(host, uri) });
      expect(await odd.whose(await host.sign())).toBe('UNAVAILABLE');
      expect(odd.told.warnings).toHaveLength(1);
    }
    using authority = certificateAuthority();
    await using secure = await keyHost(authority.issue('issuer'));
    using tokens = tokensOf({ jwksUrl: configuration(secure, host.jwksUrl), jwksCa: authority.ca });
    expect(await tokens.whose(await host.sign())).toBe('UNAVAILABLE');
    expect(tokens.told.warnings[0]?.reason).toBe('its OpenID configuration has a jwks_uri that is not https');
  });
});

test('an issuer whose keys are out of reach keeps out nobody of another one', async () => {
  await using here = await keyHost();
  await using there = await keyHost();
  there.state.answer = wrongAnswers['nothing there'];
  using tokens = tokensOf({ jwksUrl: here.jwksUrl, issuer: 'here' }, { jwksUrl: there.jwksUrl, issuer: 'there' });
  expect(tokens.keys.unready()).toBe(
    `no key of tokens was had yet: ${here.jwksUrl}: it has not answered yet; ${there.jwksUrl}: it has not answered yet`,
  );
  expect(await tokens.whose(await there.sign({ iss: 'there' }))).toBe('UNAVAILABLE');
  expect(await tokens.whose(await here.sign({ iss: 'here' }))).toBe('ada');
  expect(tokens.told.warnings.map(({ address }) => address)).toEqual([there.jwksUrl]);
  expect(tokens.keys.unready()).toBeNull();
});
