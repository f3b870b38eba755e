import type { ServiceDocument } from '../../schema/config.ts';
import { pointerOf } from '../../schema/problem.ts';
import type { Problem } from '../../schema/problem.ts';

/** How a claim on every host is kept; no host pattern looks like it. */
const ANY_HOST = '';

/**
 * Two services must not claim the same host and path prefix: which of them a request belongs to would be left to chance.
 * Paths count from `service`.
 */
export function checkClaims(
  name: string,
  service: ServiceDocument,
  others: Readonly<Record<string, ServiceDocument>>,
): Problem[] {
  const owners = new Map<string, string>();
  for (const [otherName, other] of Object.entries(others)) {
    if (otherName === name) continue;
    for (const { key } of claimsOf(other)) owners.set(key, otherName);
  }
  return conflicts(service, owners);
}

/** As `checkClaims`, for all services in one pass; the later of two services is the one at fault. Paths count from the record. */
export function checkAllClaims(services: Readonly<Record<string, ServiceDocument>>): Problem[] {
  const owners = new Map<string, string>();
  return Object.entries(services).flatMap(([name, service]) => {
    const problems = conflicts(service, owners).map((problem) => ({
      ...problem,
      path: pointerOf(name) + problem.path,
    }));
    for (const { key } of claimsOf(service)) if (!owners.has(key)) owners.set(key, name);
    return problems;
  });
}

interface Claim {
  readonly key: string;
  readonly host: string;
  readonly path: string;
}

function claimsOf(service: ServiceDocument): Claim[] {
  const prefix = normalPrefix(service);
  const hosts = service.match?.hosts ?? [];
  const claim = (host: string, path: string): Claim => ({ key: `${host} ${prefix}`, host, path });
  if (hosts.length === 0) return [claim(ANY_HOST, '/match')];
  return hosts.map((host, i) => claim(host, pointerOf('match', 'hosts', i)));
}

function normalPrefix(service: ServiceDocument): string {
  return (service.match?.pathPrefix ?? '/').replace(/(?<=.)\/$/, '');
}

function conflicts(service: ServiceDocument, owners: ReadonlyMap<string, string>): Problem[] {
  const prefix = normalPrefix(service);
  return claimsOf(service).flatMap(({ key, host, path }) => {
    const owner = owners.get(key);
    if (owner === undefined) return [];
    const what = `${host === ANY_HOST ? 'every host' : `"${host}"`} with the path prefix "${prefix}"`;
    return [
      { path, message: `claims ${what}, as the service "${owner}" does; give one of them another host or pathPrefix` },
    ];
  });
}
