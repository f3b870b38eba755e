import type { Socket } from 'node:net';

import type { FastifyRequest } from 'fastify';

import { formatHostPort } from '../../base/host-port.ts';
import { RequestError } from './request-error.ts';

const DEFAULT_PORTS = { http: 80, https: 443 } as const;

/** An IPv4 address that reached an IPv6 socket. */
const MAPPED = /^::ffff:(?=\d+\.)/i;

/**
 * Which Host and Origin a request may have.
 *
 * Every web page that a person opens whose machine reaches the admin API could try to reach it too. Two checks on every
 * request, reading ones included, keep them out: the Host must be ours, since a name that an attacker points at our
 * address (DNS rebinding) is another; and a browser says with Origin and Sec-Fetch-Site where a request comes from. No
 * CORS field is ever sent. With tokens such a page would be refused anyway; this does not lean on that.
 */
export class AllowedHosts {
  readonly #scheme: 'http' | 'https';
  #port: number | null = null;
  #further: readonly string[] = [];
  #isAny = false;
  /** "host:port" in lower case, exact; none, until it is said where the API listens. */
  #hosts: ReadonlySet<string> = new Set();

  constructor(scheme: 'http' | 'https') {
    this.#scheme = scheme;
  }

  get scheme(): 'http' | 'https' {
    return this.#scheme;
  }

  listensOn(port: number): void {
    this.#port = port;
    this.#update();
  }

  /** A socket file, which no browser can reach: any Host will do. */
  listensOnSocketFile(): void {
    this.#isAny = true;
  }

  /** Hosts by which the API is reached, with or without a port, besides those of this machine. */
  alsoNamed(further: readonly string[]): void {
    this.#further = further;
    this.#update();
  }

  /** Whether a request that came in on `socket` may say this Host: exactly a known one, or the address it came to. */
  has(host: string, socket: Socket): boolean {
    return this.#isAny || this.#hosts.has(host) || host === addressOf(socket);
  }

  /** Whether a page of this Origin is one of ours. */
  isOwnOrigin(origin: string, socket: Socket): boolean {
    const prefix = `${this.#scheme}://`;
    if (this.#isAny || !origin.startsWith(prefix)) return false;
    return this.has(origin.slice(prefix.length).toLowerCase(), socket);
  }

  #update(): void {
    const port = this.#port;
    if (port === null) return;
    const names = ['127.0.0.1', 'localhost', '[::1]', ...this.#further].map((name) => name.toLowerCase());
    this.#hosts = new Set(names.flatMap((name) => this.#formsOf(name, port)));
  }

  #formsOf(name: string, port: number): string[] {
    if (/:\d+$/.test(name)) return [name];
    // Clients leave out the port that is the default.
    return port === DEFAULT_PORTS[this.#scheme] ? [name, `${name}:${port}`] : [`${name}:${port}`];
  }
}

/** Throws a `RequestError` for a request that did not come straight from a program or from our own pages. */
export function guardRequest(request: FastifyRequest, allowed: AllowedHosts): void {
  const { headers, socket } = request.raw;
  const { host = '', origin, 'sec-fetch-site': site } = headers;
  if (!allowed.has(host.toLowerCase(), socket)) {
    throw new RequestError('wrong-host', 'The Host of the request is not one of this API; admin.hosts may name more.');
  }
  if (origin !== undefined && !allowed.isOwnOrigin(origin, socket)) {
    throw new RequestError('foreign-origin', 'The Origin of the request is not this API.');
  }
  if (site !== undefined && site !== 'none' && site !== 'same-origin') {
    throw new RequestError('foreign-origin', 'The request comes from another site (Sec-Fetch-Site).');
  }
}

function addressOf({ localAddress, localPort }: Socket): string | null {
  if (localAddress === undefined || localPort === undefined) return null;
  return formatHostPort(localAddress.replace(MAPPED, ''), localPort);
}
