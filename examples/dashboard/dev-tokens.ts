import { SignJWT } from 'jose';
import type { Plugin } from 'vite';

/** The secret that `tailrace dev` is started with, too. */
const secret = new TextEncoder().encode(process.env.TAILRACE_AUTH_JWT_SECRET ?? 'token-secret-for-development-only');

/**
 * `/token?user=ada` of the dev server: a token for whoever asks. Your own backend gives one to whom it has signed in,
 * and nobody else's.
 */
export const devTokens = (): Plugin => ({
  name: 'dev-tokens',
  configureServer({ middlewares }) {
    middlewares.use('/token', async ({ url = '' }, response) => {
      const user = new URLSearchParams(url.split('?')[1]).get('user') ?? 'ada';
      const token = new SignJWT({ sub: user }).setProtectedHeader({ alg: 'HS256' }).setIssuedAt();
      response.end(await token.setExpirationTime('5m').sign(secret));
    });
  },
});
