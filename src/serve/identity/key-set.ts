import { type IncomingMessage, request as plainRequest, type RequestOptions } from 'node:http';
import { request as secureRequest } from 'node:https';
import { rootCertificates } from 'node:tls';
import type { JSONWebKeySet } from 'jose';

/** The keys of an issuer cannot be had: that says nothing about a token. Its message says why, to operators. */
export class KeysOutOfReach extends Error {
  override name = 'KeysOutOfReach';
}

export interface KeySetSource {
  /** The address of a key set (JWKS), or of an OpenID configuration that names one. */
  readonly url: string;
  /** An authority (PEM) beside those that are known anyway. */
  readonly ca: string | null;
  /** Milliseconds that the host may take for each answer. */
  readonly patience: number;
}

/** Bytes of an answer that are read. A key set has some thousand. */
const mostBytes = 1_048_576;

/** What an issuer publishes now. Throws KeysOutOfReach. */
export async function fetchKeySet(source: KeySetSource, signal: AbortSignal): Promise<JSONWebKeySet> {
  const first = await jsonAt(source, signal);
  if (isKeySet(first)) return signing(first);
  const url = keysOf(first, source.url);
  if (url === null) throw new KeysOutOfReach('its JSON is neither a list of keys nor an OpenID configuration');
  const within = (why: string) => new KeysOutOfReach(`${shown(url)}, which it names, cannot be used: ${why}`);
  try {
    const second = await jsonAt({ ...source, url }, signal);
    if (!isKeySet(second)) throw new KeysOutOfReach('its JSON is no list of keys');
    return signing(second);
  } catch (error) {
    throw error instanceof KeysOutOfReach ? within(error.message) : error;
  }
}

/** An address as it may be told: what stands in its query may be a secret. */
export function shown(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

/** The `jwks_uri` of an OpenID configuration; null when it is none. Throws KeysOutOfReach for one that is not to be followed. */
function keysOf(configuration: unknown, from: string): string | null {
  const { jwks_uri: uri } = (configuration ?? {}) as { jwks_uri?: unknown };
  if (typeof uri !== 'string') return null;
  const protocol = URL.canParse(uri) ? new URL(uri).protocol : '';
  // Whoever stands between could give their own keys.
  const isSafe = protocol === 'https:' || (protocol === 'http:' && new URL(from).protocol === 'http:');
  if (!isSafe) throw new KeysOutOfReach('its OpenID configuration has a jwks_uri that is not https');
  return uri;
}

const isKeySet = (json: unknown): json is JSONWebKeySet =>
  typeof json === 'object' && json !== null && Array.isArray((json as { keys?: unknown }).keys);

/** The keys of a set that are public halves of a pair: a shared secret that somebody published is no key of theirs any more. */
const kinds = new Set<unknown>(['RSA', 'EC', 'OKP']);

const signing = ({ keys }: JSONWebKeySet): JSONWebKeySet => ({ keys: keys.filter((key) => kinds.has(key?.kty)) });

async function jsonAt({ url, ca, patience }: KeySetSource, signal: AbortSignal): Promise<unknown> {
  const late = AbortSignal.timeout(patience);
  try {
    const response = await answerOf(url, ca, AbortSignal.any([signal, late]));
    if (response.statusCode === 200) return parsed(await textOf(response), response);
    response.destroy();
    throw new KeysOutOfReach(`it answers ${response.statusCode}${whereTo(response, url)}`);
  } catch (error) {
    if (error instanceof KeysOutOfReach) throw error;
    throw new KeysOutOfReach(late.aborted ? `it does not answer within ${patience / 1_000} s` : whyNot(error as Error));
  }
}

function answerOf(url: string, ca: string | null, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options: RequestOptions = {
      headers: { accept: 'application/json, application/jwk-set+json' },
      // A connection of its own, which ends with the answer: in ten minutes the host would have closed it.
      agent: false,
      signal,
    };
    const trusted = ca === null ? {} : { ca: [...rootCertificates, ca] };
    const isSecure = new URL(url).protocol === 'https:';
    const request = isSecure ? secureRequest(url, { ...options, ...trusted }) : plainRequest(url, options);
    request.on('error', reject).on('response', resolve).end();
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new KeysOutOfReach(`its answer has more than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parsed(text: string, { headers }: IncomingMessage): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own error is not told: it quotes what it read.
    throw new KeysOutOfReach(`it answers ${headers['content-type']?.split(';')[0] ?? 'something'}, which is no JSON`);
  }
}

/** Where a redirect leads, without its query. It is not followed: nobody has said that keys from there are good. */
function whereTo({ headers: { location } }: IncomingMessage, from: string): string {
  if (location === undefined || !URL.canParse(location, from)) return '';
  const { origin, pathname, href } = new URL(location, from);
  return ` and leads to ${origin === new URL(from).origin ? pathname : shown(href)}, which is not followed`;
}

/** Codes of OpenSSL for a certificate that nobody known here has signed. */
const foreign = /^UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT)|SELF_SIGNED_CERT/;

function whyNot({ code = '', message }: NodeJS.ErrnoException): string {
  if (foreign.test(code)) {
    return `its certificate is of an authority that is not known here (${code}): name it by TAILRACE_AUTH_JWKS_CA`;
  }
  if (code === 'ECONNREFUSED') return 'it refuses connections';
  if (code === 'ENOTFOUND') return 'there is no such host';
  if (code === 'EPROTO') return 'it does not speak TLS';
  return message || code;
}
