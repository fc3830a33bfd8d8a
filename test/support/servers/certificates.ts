import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureCommands } from '../../../scripts/services/packages.mjs';

export interface Identity {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** Key and certificate in one file, as Kafka takes them. */
  readonly bothFile: string;
}

export interface Authority extends Disposable {
  readonly ca: string;
  readonly caFile: string;
  /** A certificate for 127.0.0.1 and localhost, and for a client of this name. */
  issue(name: string): Identity;
}

/** An authority of the test's own, good for a day; its files are gone at the end of its scope. */
export function certificateAuthority(): Authority {
  ensureCommands([{ command: 'openssl', package: 'openssl' }], 'to make certificates for tests of TLS.');
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-certificates-'));
  const file = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '1', '-subj', '/CN=Tailrace tests');
  return {
    ca: readFileSync(file('ca.crt'), 'utf8'),
    caFile: file('ca.crt'),
    issue(name) {
      openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
      writeFileSync(file(`${name}.ext`), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
      const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '1', '-extfile', `${name}.ext`];
      openssl('x509', '-req', '-in', `${name}.csr`, ...signed, '-out', `${name}.crt`);
      const cert = readFileSync(file(`${name}.crt`), 'utf8');
      const secret = readFileSync(file(`${name}.key`), 'utf8');
      writeFileSync(file(`${name}.pem`), secret + cert);
      return {
        cert,
        key: secret,
        certFile: file(`${name}.crt`),
        keyFile: file(`${name}.key`),
        bothFile: file(`${name}.pem`),
      };
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
