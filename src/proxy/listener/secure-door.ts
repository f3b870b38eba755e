/**
 * Where connections come to speak TLS. Node's own server does the handshake, on connections that the listener has accepted
 * and counted; it listens nowhere itself.
 */
import { constants, createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { createSecureContext, createServer, type SecureContext, type Server, type TLSSocket } from 'node:tls';

import type { CertificateSpec } from '../../snapshot/credential-spec.ts';
import type { ListenerSpec, TlsSpec } from '../../snapshot/types.ts';
import { Tally } from '../counters.ts';
import type { Deadlines } from '../deadlines.ts';
import type { Origin } from '../origin.ts';
import { carrierOf } from '../reset-socket.ts';
import { Handshake, type HandshakeHost, type HandshakeResult } from './handshake.ts';

/**
 * Only ciphers that authenticate what they encrypt, with keys that are forgotten after the connection (RFC 9325 section
 * 4.2), the cheapest first; to a client that puts ChaCha20 first, because it has no AES in hardware, that.
 */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** A client that may ask for new keys again and again makes us work for nothing (CVE-2011-1473). */
const SECURE_OPTIONS = constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_PRIORITIZE_CHACHA;

/** Longest that OpenSSL takes. */
const SESSION_ID_CONTEXT_CHARS = 32;

/** Hears of connections that have agreed on keys, and of those that have not. */
export interface DoorHost {
  readonly spec: ListenerSpec;
  readonly deadlines: Deadlines;
  /** `protocol`: as ALPN names it; "" where the client named none. */
  opened(handshake: Handshake, socket: TLSSocket, protocol: string): void;
  abandoned(handshake: Handshake): void;
}

export class SecureDoor implements HandshakeHost {
  readonly deadlines: Deadlines;
  readonly handshakeMs: number;
  readonly #host: DoorHost;
  readonly #tls: TlsSpec;
  /** By the connection that carries it. */
  readonly #handshakes = new WeakMap<Socket, Handshake>();
  readonly #results = new Tally<HandshakeResult>();
  #server: Server;

  /** Throws where certificate and key cannot be used. */
  constructor(host: DoorHost, tls: TlsSpec, certificates: readonly CertificateSpec[], ticketKeys: string) {
    this.#host = host;
    this.#tls = tls;
    this.deadlines = host.deadlines;
    this.handshakeMs = host.spec.timeouts.handshakeMs;
    this.#server = this.#makeServer(certificates, ticketKeys);
  }

  /** From now on clients are shown these; those that are there already notice nothing. Throws as the constructor. */
  use(certificates: readonly CertificateSpec[], ticketKeys: string): void {
    this.#server = this.#makeServer(certificates, ticketKeys);
  }

  enter(socket: Socket, origin: Origin): Handshake {
    const handshake = new Handshake(socket, origin, this);
    this.#handshakes.set(socket, handshake);
    this.#server.emit('connection', socket);
    return handshake;
  }

  abandoned(handshake: Handshake, result: HandshakeResult): void {
    this.#results.add(result);
    this.#host.abandoned(handshake);
  }

  /** Handshakes by how they ended. */
  report(): Record<string, number> {
    return this.#results.report();
  }

  #makeServer(certificates: readonly CertificateSpec[], ticketKeys: string): Server {
    const [first] = certificates;
    if (first === undefined) throw new Error(`listener ${this.#host.spec.name} has no certificate`);
    const { minVersion, protocols } = this.#tls;
    const server = createServer({
      ...contextOptions(first),
      minVersion,
      ciphers: CIPHERS,
      honorCipherOrder: true,
      secureOptions: SECURE_OPTIONS,
      ALPNProtocols: [...protocols],
      ticketKeys: Buffer.from(ticketKeys, 'base64'),
      sessionIdContext: sessionIdContext(this.#host.spec.name),
      // None: the deadline is ours. Node takes 0 for its own default.
      handshakeTimeout: -1,
      ...(certificates.length > 1 ? { SNICallback: chooseByName(certificates) } : {}),
    });
    server.on('secureConnection', (socket) => this.#onSecure(socket));
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => this.#onFailure(error, socket));
    return server;
  }

  #onSecure(socket: TLSSocket): void {
    const handshake = this.#handshakes.get(carrierOf(socket));
    // Node does not end a connection on which TLS is broken later, nor one that nobody asked for.
    socket.on('error', () => socket.destroy());
    if (handshake === undefined) {
      socket.destroy();
      return;
    }
    this.#results.add(socket.isSessionReused() ? 'resumed' : 'full');
    handshake.complete();
    // Until here the end of what a client sends was the end of the connection.
    socket.allowHalfOpen = true;
    this.#host.opened(handshake, socket, socket.alpnProtocol || '');
  }

  #onFailure({ code = '' }: NodeJS.ErrnoException, socket: TLSSocket): void {
    // Without a code of TLS it is the connection that has ended.
    if (!code.startsWith('ERR_SSL')) return;
    this.#handshakes.get(carrierOf(socket))?.fail(code === 'ERR_SSL_HTTP_REQUEST' ? 'plain_http' : 'failed');
  }
}

/** No list of authorities: clients are not asked for certificates, and the system's would be read for nothing. */
function contextOptions({ cert, key }: CertificateSpec): { cert: string; key: string; ca: string[] } {
  return { cert, key, ca: [] };
}

/** The same in every worker, whatever it was started with: OpenSSL resumes nothing from elsewhere. */
function sessionIdContext(listener: string): string {
  return createHash('sha256').update(`cutover ${listener}`).digest('hex').slice(0, SESSION_ID_CONTEXT_CHARS);
}

type SniCallback = (name: string, done: (error: Error | null, context?: SecureContext) => void) => void;

/** By the name that a client asks for: exactly, then by a wildcard; the first certificate where none has it. */
function chooseByName(certificates: readonly CertificateSpec[]): SniCallback {
  const contexts = new Map<string, SecureContext>();
  for (const certificate of certificates) {
    const context = createSecureContext(contextOptions(certificate));
    for (const name of certificate.names) {
      if (!contexts.has(name)) contexts.set(name, context);
    }
  }
  return (asked, done) => {
    const name = asked.toLowerCase();
    done(null, contexts.get(name) ?? contexts.get(`*${name.slice(name.indexOf('.'))}`));
  };
}
