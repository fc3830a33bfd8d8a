import {
  createServer as createPlain,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecure } from 'node:https';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import type { Identity } from './certificates.js';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** What a host may have at the address where keys should be. */
export const wrongAnswers = {
  'nothing there': (_, response) => void response.writeHead(404).end('<h1>Not Found</h1>'),
  'another place': (_, response) => void response.writeHead(302, { location: '/elsewhere?secret=1' }).end(),
  'a page': (_, response) =>
    void response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>Sign in</html>'),
  'something else in JSON': (_, response) => void response.end('{"ok":true}'),
  'no keys in its list': (_, response) => void response.end('{"keys":[]}'),
} satisfies Record<string, Answer>;

/** An issuer on this machine that publishes its key, or gives another answer, and counts who asks. */
export async function keyHost(identity?: Identity) {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }];
  const publish: Answer = (_, response) => void response.end(JSON.stringify({ keys }));
  const state = { answer: publish, asked: [] as string[], mostAtOnce: 0 };
  let now = 0;
  const listener: RequestListener = (request, response) => {
    state.asked.push(request.url ?? '');
    state.mostAtOnce = Math.max(state.mostAtOnce, ++now);
    response.on('close', () => now--);
    state.answer(request, response);
  };
  const server = identity ? createSecure({ cert: identity.cert, key: identity.key }, listener) : createPlain(listener);
  const listen = (port = 0) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen();
  const { port } = server.address() as AddressInfo;
  const origin = `${identity ? 'https' : 'http'}://127.0.0.1:${port}`;
  return {
    state,
    publish,
    origin,
    jwksUrl: `${origin}/keys`,
    sign: (claims: JWTPayload = {}, kid = 'k1') =>
      new SignJWT({ sub: 'ada', ...claims }).setProtectedHeader({ alg: 'ES256', kid }).sign(privateKey),
    comesBack: () => listen(port),
    async goesAway() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
