import type { ServiceDocument } from '../../schema/service.ts';
import { pointerOf, problemsUnder } from '../../schema/problem.ts';
import type { Problem } from '../../schema/problem.ts';

/*
 * Two services must not claim the same host and path prefix: which of them a request belongs to would be left to chance.
 */

type Services = Readonly<Record<string, ServiceDocument>>;

/** How a claim on every host is kept; no host pattern looks like it. */
const ANY_HOST = '';

/** One service against the others. Paths count from `service`. */
export function checkClaims(name: string, service: ServiceDocument, others: Services): Problem[] {
  const hosts = hostsOf(service);
  const own = new Set(hosts);
  const prefix = prefixOf(service);
  const owners = new Map<string, string>();
  // Among thousands of services hardly one shares a host: only of those is more than the host looked at.
  for (const [otherName, other] of Object.entries(others)) {
    if (otherName === name) continue;
    const shared = hostsOf(other).filter((host) => own.has(host));
    if (shared.length > 0 && prefixOf(other) === prefix) for (const host of shared) owners.set(host, otherName);
  }
  return hosts.flatMap((host, i) => conflict(service, i, owners.get(host)));
}

/** All services in one pass; the later of two is the one at fault. Paths count from the record. */
export function checkAllClaims(services: Services): Problem[] {
  const owners = new Map<string, string>();
  return Object.entries(services).flatMap(([name, service]) => {
    const claims = hostsOf(service).map((host) => `${host} ${prefixOf(service)}`);
    const problems = claims.flatMap((claim, i) => conflict(service, i, owners.get(claim)));
    for (const claim of claims) if (!owners.has(claim)) owners.set(claim, name);
    return problemsUnder(pointerOf(name), problems);
  });
}

function conflict(service: ServiceDocument, hostIndex: number, owner: string | undefined): Problem[] {
  if (owner === undefined) return [];
  const host = hostsOf(service)[hostIndex] ?? ANY_HOST;
  const path = host === ANY_HOST ? '/match' : pointerOf('match', 'hosts', hostIndex);
  const what = `${host === ANY_HOST ? 'every host' : `"${host}"`} with the path prefix "${prefixOf(service)}"`;
  const message = `claims ${what}, as the service "${owner}" does; give one of them another host or pathPrefix`;
  return [{ path, message }];
}

const EVERY_HOST: readonly string[] = [ANY_HOST];

function hostsOf(service: ServiceDocument): readonly string[] {
  const hosts = service.match?.hosts ?? [];
  return hosts.length === 0 ? EVERY_HOST : hosts;
}

/** "/api/" claims what "/api" does. */
function prefixOf(service: ServiceDocument): string {
  const prefix = service.match?.pathPrefix ?? '/';
  return prefix.length > 1 && prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
}
