import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Logger } from '../../observe/logger.js';

/** A certificate, followed by those that signed it, and its key; both PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** A text, or the file that holds it: a file may change while the gateway runs. */
export type Pem = string | { readonly file: string };

export interface Tls {
  readonly cert: Pem;
  readonly key: Pem;
  /** Milliseconds between two looks at the files. Default 5000. */
  readonly every?: number;
}

/** The certificate in a text; null when it is none. */
export function certificateOf(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}

/** Why nobody can be served with these two, in a sentence; null when they are a pair. It never shows the key. */
export function whyNoPair({ cert, key }: KeyPair, passphrase: string | null = null): string | null {
  const certificate = certificateOf(cert);
  if (certificate === null) return 'the certificate is not one in PEM';
  try {
    const own = createPrivateKey(passphrase === null ? key : { key, passphrase });
    return certificate.checkPrivateKey(own) ? null : 'the key is not that of the certificate';
  } catch {
    return `the key is not one in PEM, or needs ${passphrase === null ? 'a' : 'another'} passphrase`;
  }
}

/** Reads a pair. Throws Node's error for a file that cannot be read, and RangeError for what is no pair. */
export function pairOf({ cert, key }: Tls): KeyPair {
  const text = (pem: Pem) => (typeof pem === 'string' ? pem : readFileSync(pem.file, 'utf8'));
  const pair = { cert: text(cert), key: text(key) };
  const why = whyNoPair(pair);
  if (why !== null) throw new RangeError(`TLS is not possible: ${why}`);
  return pair;
}

/**
 * Watches a pair's files, and tells every new pair that is one. The files are read again and again: a rename onto them, a
 * link that leads elsewhere (Kubernetes) and a network's file system are told by reading alone. A pair that is none leaves
 * the old one in use, and is told once it is found so twice: two files cannot be replaced in one moment. Gives its end.
 */
export function watchPair(tls: Tls, first: KeyPair, logger: Logger, changed: (pair: KeyPair) => void): () => void {
  const text = async (pem: Pem) => (typeof pem === 'string' ? pem : readFile(pem.file, 'utf8'));
  let current = first;
  let broken: { readonly what: string; readonly told: boolean } | null = null;

  function refuse(what: string, why: string) {
    const again = broken?.what === what;
    if (again && !broken?.told) {
      logger.error({ why }, 'The new certificate and key cannot be used: the old ones stay');
    }
    broken = { what, told: again };
  }

  async function look() {
    try {
      const [cert, key] = await Promise.all([text(tls.cert), text(tls.key)]);
      if (cert === current.cert && key === current.key) {
        broken = null;
        return;
      }
      const why = whyNoPair({ cert, key });
      if (why !== null) return refuse(cert + key, why);
      changed({ cert, key });
      current = { cert, key };
      broken = null;
      const { validTo } = new X509Certificate(cert);
      logger.info({ validTo }, 'A new certificate is in use');
    } catch (error) {
      refuse('unreadable', (error as Error).message);
    }
  }

  if (typeof tls.cert === 'string' && typeof tls.key === 'string') return () => undefined;
  const timer = setInterval(() => void look(), tls.every ?? 5_000);
  timer.unref();
  return () => clearInterval(timer);
}
