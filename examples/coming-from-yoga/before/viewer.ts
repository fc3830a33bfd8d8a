import { jwtVerify } from 'jose';

/** Who asks, by a token as `connectionParams` bring it; null without one. Throws for a bad one. */
export async function viewerOf(authorization: unknown): Promise<{ sub: string } | null> {
  const token = typeof authorization === 'string' ? authorization.replace(/^Bearer +/i, '') : '';
  if (token === '') return null;
  const { payload } = await jwtVerify(token, new TextEncoder().encode(process.env.TOKEN_SECRET));
  return payload.sub === undefined ? null : { sub: payload.sub };
}
