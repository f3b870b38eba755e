import { assert } from '../base/assert.ts';
import { moduleId, parseReference } from '../base/function-reference.ts';
import { parseDuration } from '../base/duration.ts';
import { parseSize } from '../base/size.ts';
import { mapFunctions } from '../schema/function-fields.ts';
import type { ListenerConfig } from '../schema/listener.ts';
import type { PoolConfig } from '../schema/pool.ts';
import type { ServiceConfig } from '../schema/service.ts';
import { parseListenAddress } from '../schema/listen-address.ts';
import { splitShares } from '../schema/split-shares.ts';
import { parseTargetUrl } from '../schema/target-url.ts';
import { compileCookie } from './compile-cookie.ts';
import {
  compileAdmission,
  compileBreaker,
  compilePause,
  compileRateLimit,
  compileRetries,
} from './compile-protection.ts';
import { compileAlgorithm } from './compile-algorithm.ts';
import { compileBuffering } from './compile-buffering.ts';
import { compileMirror } from './compile-mirror.ts';
import { compileShape } from './compile-shape.ts';
import { compileRule } from './compile-rules.ts';
import { compileEjection, compileSlowStart } from './compile-wellness.ts';
import { allocateSlots } from './slots.ts';
import type {
  AffinityKey,
  AffinitySpec,
  ListenerSpec,
  MatchSpec,
  PoolSpec,
  ServiceLimits,
  ServiceSpec,
  ServiceTimeouts,
  StickySpec,
  TargetSpec,
  TlsSpec,
} from './types.ts';

export interface CompileOptions {
  /** Signs the sticky cookie where the service names no secret of its own. Must outlive restarts, or sessions move. */
  readonly stickySecret: string;
}

/**
 * What a data plane serves for a service. `service` is valid; `previous` is what is served for it now, so that no more
 * users change pools than the split demands.
 */
export function compileService(
  name: string,
  service: ServiceConfig,
  previous: ServiceSpec | null,
  options: CompileOptions,
): ServiceSpec {
  const affinity = compileAffinity(name, service);
  return {
    name,
    match: compileMatch(service),
    pools: Object.entries(service.pools).map(([poolName, pool]) => compilePool(poolName, pool)),
    slots: allocateSlots(previous?.slots ?? [], splitShares(service.split)),
    algorithm: compileAlgorithm(service.algorithm),
    rules: service.rules.map(compileRule),
    filters: service.filters.map(({ onRequest, onResponse }) => ({
      onRequest: onRequest?.function ?? null,
      onResponse: onResponse?.function ?? null,
    })),
    modules: modulesOf(service),
    affinity,
    sticky: compileSticky(service, options),
    mirror: compileMirror(service, affinity.salt),
    retries: compileRetries(service),
    breaker: compileBreaker(service),
    ejection: compileEjection(service),
    panicPercent: service.panicPercent,
    slowStart: compileSlowStart(service),
    rateLimit: compileRateLimit(service),
    admission: compileAdmission(service),
    pause: compilePause(service),
    shape: compileShape(service),
    buffering: compileBuffering(service),
    timeouts: compileServiceTimeouts(service),
    limits: compileServiceLimits(service),
    upstream: {
      idleConnectionsMax: service.upstream.idleConnections,
      idleTimeoutMs: parseDuration(service.upstream.idleTimeout),
    },
    proxyProtocol: service.proxyProtocol ?? null,
    upgrades: service.upgrades.map((upgrade) => upgrade.toLowerCase()),
    accessLog: service.accessLog,
    ambiguousPaths: service.ambiguousPaths,
  };
}

export function compileListener(name: string, listener: ListenerConfig): ListenerSpec {
  const address = parseListenAddress(listener.listen);
  assert(!('problem' in address), `listener ${name} has passed validation with the address ${listener.listen}`);
  const { timeouts, limits } = listener;
  const http2 = listener.http2 ?? listener.protocol === 'https';
  return {
    name,
    protocol: listener.protocol === 'tcp' ? 'tcp' : 'http',
    proxyProtocol: listener.proxyProtocol,
    host: address.host,
    port: address.port,
    tls: listener.tls === undefined ? null : compileTls(listener.tls, http2),
    http2,
    timeouts: {
      handshakeMs: parseDuration(timeouts.handshake),
      requestHeadMs: parseDuration(timeouts.requestHead),
      keepAliveMs: parseDuration(timeouts.keepAlive),
      halfCloseMs: parseDuration(timeouts.halfClose),
      lingerMs: parseDuration(timeouts.linger),
    },
    limits: {
      requestLineBytesMax: parseSize(limits.requestLine),
      headBytesMax: parseSize(limits.head),
      fieldsMax: limits.fields,
      pipelinedBytesMax: parseSize(limits.pipelined),
      requestsPerConnectionMax: limits.requestsPerConnection,
      connectionsMax: limits.connections,
      connectionsPerClientMax: limits.connectionsPerClient ?? 0,
      concurrentStreamsMax: limits.concurrentStreams,
      loopLagMs: limits.loopLag === 'none' ? 0 : parseDuration(limits.loopLag),
    },
  };
}

function compileTls({ minVersion }: NonNullable<ListenerConfig['tls']>, http2: boolean): TlsSpec {
  return { minVersion: `TLSv${minVersion}`, protocols: http2 ? ['h2', 'http/1.1'] : ['http/1.1'] };
}

function modulesOf(service: ServiceConfig): string[] {
  const modules = new Set<string>();
  mapFunctions(service, (reference) => {
    const { file, version } = parseReference(reference) ?? { file: '', version: '' };
    modules.add(moduleId(file, version));
    return reference;
  });
  return [...modules];
}

function compileMatch({ match }: ServiceConfig): MatchSpec {
  const { listeners, hosts, pathPrefix } = match;
  return { listeners, hosts, pathPrefix: compilePathPrefix(pathPrefix) };
}

/** "/api/" matches what "/api" does: at a segment border the last slash says nothing. */
function compilePathPrefix(prefix: string): string {
  return prefix.length > 1 && prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
}

function compilePool(name: string, pool: PoolConfig): PoolSpec {
  return { name, version: pool.version, targets: pool.targets.map(compileTarget) };
}

function compileTarget(target: PoolConfig['targets'][number]): TargetSpec {
  const address = parseTargetUrl(target.url);
  assert(!('problem' in address), `a target has passed validation with the URL ${target.url}`);
  const { id, host, port } = address;
  return { id, host, port, weight: target.weight, zone: target.zone, backup: target.backup, state: target.state };
}

function compileAffinity(name: string, { affinity }: ServiceConfig): AffinitySpec {
  return {
    keys: (affinity?.key ?? []).map(compileAffinityKey),
    salt: affinity?.salt ?? name,
    issue: affinity?.issue === undefined ? null : compileCookie(affinity.issue),
  };
}

function compileAffinityKey(key: string): AffinityKey {
  if (key === 'client-ip') return { kind: 'client-ip' };
  const colon = key.indexOf(':');
  const name = key.slice(colon + 1);
  // Field names are compared without regard to case (RFC 9110 section 5.1), cookie names with it (RFC 6265 section 5.3).
  return key.startsWith('cookie:') ? { kind: 'cookie', name } : { kind: 'header', name: name.toLowerCase() };
}

function compileSticky({ sticky }: ServiceConfig, options: CompileOptions): StickySpec | null {
  if (sticky === undefined) return null;
  return {
    cookie: compileCookie(sticky),
    secrets: [sticky.secret ?? options.stickySecret, ...sticky.acceptedSecrets],
    onCutover: sticky.onCutover,
  };
}

function compileServiceTimeouts({ timeouts }: ServiceConfig): ServiceTimeouts {
  return {
    connectMs: parseDuration(timeouts.connect),
    responseHeadMs: parseDuration(timeouts.responseHead),
    requestBodyIdleMs: parseDuration(timeouts.requestBodyIdle),
    responseBodyIdleMs: parseDuration(timeouts.responseBodyIdle),
    tunnelIdleMs: parseDuration(timeouts.tunnelIdle),
    totalMs: timeouts.total === 'none' ? 0 : parseDuration(timeouts.total),
  };
}

function compileServiceLimits({ limits }: ServiceConfig): ServiceLimits {
  return {
    requestBodyBytesMax: limits.requestBody === 'none' ? 0 : parseSize(limits.requestBody),
    responseHeadBytesMax: parseSize(limits.responseHead),
    responseFieldsMax: limits.responseFields,
  };
}
