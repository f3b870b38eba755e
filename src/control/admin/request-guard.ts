import type { FastifyRequest } from 'fastify';

import { RequestError } from './request-error.ts';

/**
 * Which Host and Origin a request may have.
 *
 * The admin API listens on this machine alone and asks nobody who they are, so that every web page which a person on this
 * machine opens could try to reach it. Two checks on every request, reading ones included, keep them out: the Host must
 * be ours, since a name that an attacker points at 127.0.0.1 (DNS rebinding) is another; and a browser says with
 * Origin and Sec-Fetch-Site where a request comes from. No CORS field is ever sent.
 */
export interface AllowedHosts {
  /** "host:port" in lower case, exact; `null`: any (a socket file, which no browser can reach). */
  hosts: ReadonlySet<string> | null;
}

const HTTP_PORT = 80;

/** The names under which a listener on this machine is reached. */
export function loopbackHosts(port: number, further: readonly string[] = []): ReadonlySet<string> {
  const names = ['127.0.0.1', 'localhost', '[::1]'];
  const withPort = names.map((name) => `${name}:${port}`);
  // Clients leave out the port that is the default.
  return new Set([...withPort, ...(port === HTTP_PORT ? names : []), ...further.map((host) => host.toLowerCase())]);
}

/** Throws a `RequestError` for a request that did not come straight from a program or from our own pages. */
export function guardRequest(request: FastifyRequest, { hosts }: AllowedHosts): void {
  const { host = '', origin, 'sec-fetch-site': site } = request.raw.headers;
  if (hosts !== null && !hosts.has(host.toLowerCase())) {
    throw new RequestError('wrong-host', `The Host of this API is ${[...hosts].join(' or ')}.`);
  }
  if (origin !== undefined && !isOwnOrigin(origin, hosts)) {
    throw new RequestError('foreign-origin', 'The Origin of the request is not this API.');
  }
  if (site !== undefined && site !== 'none' && site !== 'same-origin') {
    throw new RequestError('foreign-origin', `The request comes from another site (Sec-Fetch-Site: ${site}).`);
  }
}

function isOwnOrigin(origin: string, hosts: ReadonlySet<string> | null): boolean {
  return hosts !== null && origin.startsWith('http://') && hosts.has(origin.slice('http://'.length).toLowerCase());
}
