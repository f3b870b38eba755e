import { SSL_OP_NO_TICKET } from 'node:constants';
import { type Server as HttpServer, createServer } from 'node:http';
import { type Server as HttpsServer, createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';

import type { TlsFiles } from './tls-files.ts';

/** How often the timeouts are looked at. */
const TIMEOUT_CHECK_MS = 1_000;

/** How long a connection is kept without a request. */
export const KEEP_ALIVE_TIMEOUT_MS = 5_000;

/** Longest request head, and most fields in it. */
export const HEAD_BYTES_MAX = 16 * 1024;
const FIELDS_MAX = 100;

/**
 * The HTTP server under the admin API, with its limits, over TLS or not. It does not listen itself: connections are
 * handed to it, by the event that a server of `node:net` has for them.
 */
export class AdminHttp {
  readonly server: HttpServer | HttpsServer;
  /** `null`: without TLS. */
  readonly #secure: HttpsServer | null;
  /** Those made since the certificates were last read. */
  #fresh = new WeakSet<Socket>();

  constructor(tls: TlsFiles | null, requestTimeoutMs: number) {
    const options = {
      headersTimeout: requestTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      maxHeaderSize: HEAD_BYTES_MAX,
      requireHostHeader: true,
    };
    this.#secure =
      tls === null
        ? null
        : createTlsServer({ ...options, ...contextOf(tls), ...askFor(tls), handshakeTimeout: requestTimeoutMs });
    this.server = this.#secure ?? createServer(options);
    this.server.maxHeadersCount = FIELDS_MAX;
    // Node would say at once that the body may come; whether it may is found out first (see `readBodies`).
    this.server.on('checkContinue', (request, response) => this.server.emit('request', request, response));
    this.#secure?.on('secureConnection', (socket) => this.#fresh.add(socket));
    // Sets up what the timeouts stand on.
    this.server.emit('listening');
  }

  get isTls(): boolean {
    return this.#secure !== null;
  }

  /** Whether its client was let in by certificates and authorities that are no longer those in force. */
  isOutdated(socket: Socket): boolean {
    return this.#secure !== null && !this.#fresh.has(socket);
  }

  /** Puts other certificates in force for connections to come; those that are open end with their next answer. */
  use(tls: TlsFiles): void {
    this.#secure?.setSecureContext(contextOf(tls));
    this.#fresh = new WeakSet();
    this.server.closeIdleConnections();
  }
}

function contextOf({ cert, key, clientCa }: TlsFiles): TlsOptions {
  return {
    cert,
    key,
    ...(clientCa === null ? {} : { ca: clientCa }),
    minVersion: 'TLSv1.2',
    // Nobody comes back by a ticket: it would stand for a certificate that was looked at under former authorities.
    secureOptions: SSL_OP_NO_TICKET,
  };
}

function askFor({ clientCa }: TlsFiles): TlsOptions {
  return clientCa === null ? {} : { requestCert: true, rejectUnauthorized: true };
}
