import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { type ListenerDocument } from '../../src/schema/listener.ts';
import { createAuthority, type Issued } from './certificates.ts';
import { type ProxySetup, startProxy, type TestProxy } from './start-proxy.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** Who signs the certificates of tests. */
export const authority = createAuthority();

/** A client that trusts nobody else. */
export const TRUSTING = { ca: authority.cert };

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  /** Puts others in their place. */
  write(issued: Partial<Issued>): void;
}

/** Files of a certificate for these names, in a folder of the running test. */
export function certificateFiles(
  names: readonly string[] = ['dns:localhost', 'ip:127.0.0.1'],
  issued: Issued = authority.issue({ names }),
): CertificateFiles {
  const folder = temporaryFolder();
  const [cert, key] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')];
  const write = (next: Partial<Issued>): void => {
    if (next.cert !== undefined) writeFileSync(cert, next.cert);
    if (next.key !== undefined) writeFileSync(key, next.key);
  };
  write(issued);
  return { cert, key, write };
}

/** The section of a listener that shows these. */
export function secured(
  files: readonly CertificateFiles[] = [certificateFiles()],
  more: Omit<NonNullable<ListenerDocument['tls']>, 'certificates'> = {},
): Pick<ListenerDocument, 'protocol' | 'tls'> {
  return { protocol: 'https', tls: { certificates: files.map(({ cert, key }) => ({ cert, key })), ...more } };
}

/** As `startProxy`, with a listener that speaks TLS. */
export function startSecureProxy(setup: ProxySetup): Promise<TestProxy> {
  return startProxy({ ...setup, listener: { ...secured(), ...setup.listener } });
}
