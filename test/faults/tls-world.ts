import type { TLSSocket } from 'node:tls';

import { type Issued } from '../helpers/certificates.ts';
import { openSocket, type TlsManner } from '../helpers/open-socket.ts';
import {
  authority,
  type CertificateFiles,
  certificateFiles,
  secured,
  TRUSTING,
} from '../helpers/start-secure-proxy.ts';
import { type FaultWorld, makeWorld } from './fault-world.ts';
import type { ProxyProcess } from './proxy-process.ts';

export interface TlsWorld extends FaultWorld {
  readonly proxy: ProxyProcess;
  readonly files: CertificateFiles;
}

/** A certificate that clients of tests trust, with this name besides "localhost". */
export const issue = (name: string): Issued => authority.issue({ names: ['dns:localhost', `dns:${name}`] });

/** As `startWorld`, with a listener that speaks TLS and shows a certificate for "first.test". */
export async function startTlsWorld(): Promise<TlsWorld> {
  const world = await makeWorld();
  const files = certificateFiles([], issue('first.test'));
  const { web } = world.config.listeners;
  if (web === undefined) throw new Error('the world has a listener');
  const config = { ...world.config, listeners: { web: { ...web, ...secured([files]) } } };
  world.write(config);
  const proxy = world.start();
  await proxy.ready();
  return { ...world, config, proxy, files };
}

export interface Greeted {
  /** Names of the certificate that was shown. */
  readonly names: string;
  readonly isResumed: boolean;
  /** What the next connection may resume by. */
  readonly session: Buffer;
}

/** One request on a connection of its own, over TLS. */
export async function greet(port: number, tls: TlsManner = {}): Promise<Greeted> {
  const socket = (await openSocket({ port }, { ...TRUSTING, ...tls })) as TLSSocket;
  // By TLS 1.2 it is there by now.
  let session = socket.getSession();
  socket.on('session', (next) => (session = next));
  const names = socket.getPeerCertificate().subjectaltname ?? '';
  const isResumed = socket.isSessionReused();
  socket.resume();
  const closed = new Promise((resolve) => socket.once('close', resolve));
  // By TLS 1.3 it comes behind the handshake, with the first bytes of an answer at the latest.
  socket.end('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  await closed;
  return { names, isResumed, session: session ?? Buffer.alloc(0) };
}
