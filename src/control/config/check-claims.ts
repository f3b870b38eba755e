import type { ServiceDocument } from '../../schema/service.ts';
import { pointerOf, problemsUnder } from '../../schema/problem.ts';
import type { Problem } from '../../schema/problem.ts';

/*
 * Two services must not claim the same host and path prefix on the same listener: which of them a request belongs to would
 * be left to chance. One that names a listener and one that names none are asked one after the other there.
 */

type Services = Readonly<Record<string, ServiceDocument>>;

/** How a claim on every host is kept; no host pattern looks like it. */
const ANY_HOST = '';

/** How a claim on the listeners that nobody names is kept; no name looks like it. */
const NO_LISTENER = '';

/** One service against the others. Paths count from `service`. */
export function checkClaims(name: string, service: ServiceDocument, others: Services): Problem[] {
  const hosts = hostsOf(service);
  const own = new Set(hosts);
  const listeners = new Set(listenersOf(service));
  const prefix = prefixOf(service);
  const owners = new Map<string, string>();
  // Among thousands of services hardly one shares a host: only of those is more than the host looked at.
  for (const [otherName, other] of Object.entries(others)) {
    if (otherName === name) continue;
    const shared = hostsOf(other).filter((host) => own.has(host));
    if (shared.length === 0 || prefixOf(other) !== prefix) continue;
    if (listenersOf(other).some((listener) => listeners.has(listener))) {
      for (const host of shared) owners.set(host, otherName);
    }
  }
  return hosts.flatMap((host, i) => conflict(service, i, owners.get(host)));
}

/** All services in one pass; the later of two is the one at fault. Paths count from the record. */
export function checkAllClaims(services: Services): Problem[] {
  const owners = new Map<string, string>();
  return Object.entries(services).flatMap(([name, service]) => {
    const prefix = prefixOf(service);
    const listeners = listenersOf(service);
    const claims = hostsOf(service).map((host) => listeners.map((listener) => `${listener} ${host} ${prefix}`));
    const problems = claims.flatMap((ofHost, i) => {
      const taken = ofHost.find((claim) => owners.has(claim));
      return conflict(service, i, taken === undefined ? undefined : owners.get(taken));
    });
    for (const claim of claims.flat()) if (!owners.has(claim)) owners.set(claim, name);
    return problemsUnder(pointerOf(name), problems);
  });
}

function conflict(service: ServiceDocument, hostIndex: number, owner: string | undefined): Problem[] {
  if (owner === undefined) return [];
  const host = hostsOf(service)[hostIndex] ?? ANY_HOST;
  const path = host === ANY_HOST ? '/match' : pointerOf('match', 'hosts', hostIndex);
  const what = `${host === ANY_HOST ? 'every host' : `"${host}"`} with the path prefix "${prefixOf(service)}"`;
  const isOfListener = listenersOf(service) !== UNNAMED;
  const where = isOfListener ? ' on one of its listeners' : '';
  const other = isOfListener ? 'host, pathPrefix or listener' : 'host or pathPrefix';
  const message = `claims ${what}${where}, as the service "${owner}" does; give one of them another ${other}`;
  return [{ path, message }];
}

const EVERY_HOST: readonly string[] = [ANY_HOST];
const UNNAMED: readonly string[] = [NO_LISTENER];

function hostsOf(service: ServiceDocument): readonly string[] {
  const hosts = service.match?.hosts ?? [];
  return hosts.length === 0 ? EVERY_HOST : hosts;
}

function listenersOf(service: ServiceDocument): readonly string[] {
  const listeners = service.match?.listeners ?? [];
  return listeners.length === 0 ? UNNAMED : listeners;
}

/** "/api/" claims what "/api" does. */
function prefixOf(service: ServiceDocument): string {
  const prefix = service.match?.pathPrefix ?? '/';
  return prefix.length > 1 && prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
}
