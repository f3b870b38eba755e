import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

import type { FastifyInstance, FastifyRequest } from 'fastify';

import { assert } from '../../base/assert.ts';
import type { Clock } from '../../base/clock.ts';
import { TokenBucket } from '../../base/token-bucket.ts';
import type { Actor } from '../../schema/api.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { AccessControl, Credentials } from './access-control.ts';
import { accessTo } from './access-table.ts';
import type { AdminHttp } from './admin-http.ts';
import type { ConnectionGate } from './connection-gate.ts';
import { ANYBODY, type Principal } from './principal.ts';
import { RequestError } from './request-error.ts';
import { type AllowedHosts, guardRequest } from './request-guard.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who sends it; `null`: not known yet, or not asked. */
    principal: Principal | null;
  }
}

/** On every answer. */
const FIELDS = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
};

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD']);
const METHODS_WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

export interface AdmissionOptions {
  readonly control: Pick<ControlPlane, 'isStopped'>;
  readonly access: AccessControl;
  readonly allowed: AllowedHosts;
  readonly http: AdminHttp;
  readonly gate: ConnectionGate;
  readonly clock: Clock;
  readonly writesPerSecond: number;
}

/**
 * Decides from the head of a request alone whether it gets any further: nothing of a body is read before. The order
 * is that of what a stranger may learn: that this is the wrong door, then only that nobody knows them; which paths
 * and methods there are is for those who are known.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  #writes: TokenBucket;

  constructor(app: FastifyInstance, options: AdmissionOptions) {
    this.#options = options;
    this.#writes = this.#bucketOf(options.writesPerSecond);
    app.decorateRequest('principal', null);
    app.addHook('onRequest', async (request, reply) => {
      void reply.headers({ 'X-Request-Id': request.id, ...FIELDS });
      if (options.gate.isCrowded || options.http.isOutdated(request.raw.socket))
        void reply.header('Connection', 'close');
      this.#admit(request);
    });
  }

  limitWrites(perSecond: number): void {
    this.#writes = this.#bucketOf(perSecond);
  }

  #admit(request: FastifyRequest): void {
    const { access, allowed, control } = this.#options;
    const { method } = request;
    const { url } = request.routeOptions;
    guardRequest(request, allowed);
    const isOpen = accessTo(method, url) === 'open';
    if (control.isStopped && !isOpen) throw new RequestError('shutting-down', 'The proxy is ending.');
    if (!isOpen) request.principal = access.identify(credentialsOf(request));
    requireMethod(request);
    if (!isOpen && !request.is404) access.permit(principalOf(request), method, url, serviceOf(request));
    if (!SAFE_METHODS.has(method) && !this.#writes.take()) {
      throw new RequestError('too-many-writes', 'Calls that change something come too fast.', [], {
        'Retry-After': '1',
      });
    }
    requireMediaType(request);
  }

  #bucketOf(perSecond: number): TokenBucket {
    return new TokenBucket(this.#options.clock, { perSecond, burst: perSecond });
  }
}

/** Who sends a request that was admitted. */
export function principalOf({ principal }: FastifyRequest): Principal {
  assert(principal !== null, 'only routes that are open to everybody do not know who calls');
  return principal;
}

/** As audit and journal know whoever sends a request, be it refused. */
export function actorOf({ principal, raw }: FastifyRequest): Actor {
  // A request that could not even be routed has not got that far.
  const { name, credential } = (principal as Principal | null | undefined) ?? ANYBODY;
  const known = credential === 'none' ? {} : { credential };
  return { kind: 'api', name, ...known, address: addressOf(raw.socket) };
}

/** The service that the path names. */
export function serviceOf({ params }: FastifyRequest): string | null {
  const { service } = (params ?? {}) as { service?: unknown };
  return typeof service === 'string' ? service : null;
}

/** Where a connection comes from. */
export function addressOf({ remoteAddress }: Pick<Socket, 'remoteAddress'>): string {
  // A socket file has no addresses.
  return remoteAddress ?? 'unix';
}

function credentialsOf({ raw }: FastifyRequest): Credentials {
  const { socket } = raw;
  return {
    authorizations: raw.headersDistinct.authorization ?? [],
    subjectAltNames:
      isTls(socket) && socket.authorized ? (socket.getPeerX509Certificate()?.subjectAltName ?? '') : null,
    address: addressOf(socket),
  };
}

function isTls(socket: Socket): socket is TLSSocket {
  return 'getPeerX509Certificate' in socket;
}

function requireMethod(request: FastifyRequest): void {
  const { allow } = request.routeOptions.config;
  if (allow === undefined) return;
  throw new RequestError('method-not-allowed', `This resource knows ${allow}.`, [], { Allow: allow });
}

/**
 * A request that changes something says that its body is JSON: an HTML form cannot. Where the body may be left out, nothing
 * need be said about it.
 */
function requireMediaType(request: FastifyRequest): void {
  const { headers, method, routeOptions } = request;
  const { accepts = ['application/json'], isBodyOptional = false } = routeOptions.config;
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  const mediaType = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (SAFE_METHODS.has(method) || request.is404) return;
  if (mediaType === undefined && !hasBody && (isBodyOptional || !METHODS_WITH_BODY.has(method))) return;
  if (mediaType !== undefined && accepts.includes(mediaType)) return;
  throw new RequestError('unsupported-media-type', `Send Content-Type: ${accepts.join(' or ')}.`);
}
