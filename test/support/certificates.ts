import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { leftOut } from './left-out.ts';

/** Paths of PEM files. The server's certificate is for 127.0.0.1 and localhost and is signed by `ca`. */
export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  /** Not encrypted, PKCS #8. */
  readonly key: string;
  /** An authority that signed nothing. */
  readonly otherCa: string;
}

/**
 * Makes an authority, a server's certificate and an authority that nobody should trust, valid for a
 * day, by the openssl program (1.1.1 or newer).
 *
 * @param folder Exists; is removed by whoever made it.
 */
export function makeCertificates(folder: string): Certificates {
  const at = (name: string) => join(folder, name);
  const authority = (name: string) =>
    openssl([
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1'],
      ...['-subj', `/CN=${name}`, '-keyout', at(`${name}.key`), '-out', at(`${name}.pem`)],
    ]);
  authority('ca');
  authority('other-ca');
  openssl([
    ...['req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=server'],
    ...['-keyout', at('server.key'), '-out', at('server.csr')],
  ]);
  writeFileSync(at('extensions'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  openssl([
    ...['x509', '-req', '-in', at('server.csr'), '-days', '1'],
    ...['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial'],
    ...['-extfile', at('extensions'), '-out', at('server.pem')],
  ]);
  return {
    ca: at('ca.pem'),
    cert: at('server.pem'),
    key: at('server.key'),
    otherCa: at('other-ca.pem'),
  };
}

/** Key, certificate and its authority in one text, as a Kafka broker takes them for `ssl.keystore.location`. */
export const keyAndChain = ({ key, cert, ca }: Certificates): string =>
  [key, cert, ca].map((file) => readFileSync(file, 'utf8')).join('');

/** Whether this machine can make certificates. */
export function hasOpenssl(): boolean {
  try {
    openssl(['version']);
    return true;
  } catch {
    return leftOut('tests of TLS', 'no program openssl');
  }
}

function openssl(args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
