import { errors, jwtVerify } from 'jose';
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/bin/process/refusal.js';
import { signToken, token } from '../../src/bin/token.js';

const env = { TAILRACE_AUTH_JWT_SECRET: 'the first signs,the second verifies' };
const key = (text: string) => new TextEncoder().encode(text);

async function printed(args: readonly string[], more: Record<string, string> = {}): Promise<string> {
  const lines: string[] = [];
  const terminal = { out: (line: string) => void lines.push(line), err: () => {} };
  expect(await token(args, { ...env, ...more }, terminal)).toBe(0);
  expect(lines).toHaveLength(1);
  return lines[0] ?? '';
}

async function refusal(args: readonly string[], more: Record<string, string> = {}): Promise<readonly string[]> {
  const error = await printed(args, more).catch((thrown: unknown) => thrown);
  return error instanceof Refusal ? error.lines : [String(error)];
}

describe('tailrace token', () => {
  test('prints one token that the first secret signed, with its claims, for an hour', async () => {
    const jwt = await printed(['--sub', 'ada', '--claims', '{"roles":["auditor"]}']);
    const { payload, protectedHeader } = await jwtVerify(jwt, key('the first signs'), { algorithms: ['HS256'] });
    expect(payload).toMatchObject({ sub: 'ada', roles: ['auditor'] });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(3600);
    expect(protectedHeader.alg).toBe('HS256');
    await expect(jwtVerify(jwt, key('the second verifies'))).rejects.toThrow(errors.JWSSignatureVerificationFailed);
  });

  test('has whole numbers in it as they are written', async () => {
    const jwt = await printed(['--sub', 'ada', '--claims', '{"tenant":9007199254740993}']);
    expect(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()).toContain('"tenant":9007199254740993,');
  });

  test('names the issuer and the audience that the gateway asks for', async () => {
    const names = { TAILRACE_AUTH_ISSUER: 'https://id.example', TAILRACE_AUTH_AUDIENCE: 'streams' };
    const jwt = await printed(['--sub', 'ada', '--expires', '30s'], names);
    const { payload } = await jwtVerify(jwt, key('the first signs'), {
      issuer: 'https://id.example',
      audience: 'streams',
    });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(30);
  });

  test('tells every fault at once', async () => {
    const told = await refusal(['--sub', 'ada', '--claims', '[1]', '--expires', 'soon'], {
      TAILRACE_AUTH_JWT_SECRET: '',
    });
    expect(told).toEqual([
      '--claims must be a JSON object, not "[1]".',
      '--expires must be a duration like 30s, 10m or 1h, not "soon".',
      'TAILRACE_AUTH_JWT_SECRET is not set: there is nothing to sign with.',
    ]);
  });

  test('needs to know whose token it is', async () => {
    expect(await refusal([])).toEqual(['--sub is missing: whose token is it?']);
    await expect(printed(['--claims', '{"sub":"ada"}'])).resolves.toMatch(/^ey/);
  });
});

test('claims may set their own times, to try what an expired token gets', async () => {
  const jwt = await signToken({ secret: 'k', issuer: null, audience: null }, { sub: 'ada', exp: 1000 }, 60_000);
  await expect(jwtVerify(jwt, key('k'))).rejects.toThrow(errors.JWTExpired);
});
