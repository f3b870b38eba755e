import { isForbiddenAddress } from '../../base/forbidden-address.ts';
import type { ConditionDocument } from '../../schema/condition.ts';
import type { ConfigDocument } from '../../schema/config.ts';
import type { MirrorDocument } from '../../schema/mirror.ts';
import type { TargetDocument } from '../../schema/pool.ts';
import type { ServiceDocument, Split } from '../../schema/service.ts';
import { pointerOf, problemsUnder } from '../../schema/problem.ts';
import type { Problem } from '../../schema/problem.ts';
import { SHARES_ALL } from '../../schema/split-shares.ts';
import { parseTargetUrl } from '../../schema/target-url.ts';
import { checkClaims } from './check-claims.ts';
import { checkProtocol } from './check-protocol.ts';
import { checkPoolName } from './check-pool-name.ts';
import { checkField, checkRules, checkWhen } from './check-rules.ts';
import { checkErrorPages } from './check-error-pages.ts';
import { checkShape } from './check-shape.ts';
import type { LookupNames } from './lookup-names.ts';
import { checkCookies } from './check-cookies.ts';
import { checkWellness } from './check-wellness.ts';
import { ownAddresses } from './own-addresses.ts';
import type { Listening, OwnAddress } from './own-addresses.ts';

/** What a service stands among: only what is given is checked against. */
export type Surroundings = Listening & Partial<Pick<ConfigDocument, 'services'>> & { readonly lookups?: LookupNames };

/**
 * Everything that a schema cannot see of a service that has passed it: names that must exist, sums, duplicates, and
 * conflicts with what is around it. Paths count from the service.
 */
export function checkService(name: string, service: ServiceDocument, whole: Surroundings = {}): Problem[] {
  const own = ownAddresses(whole);
  return [
    ...checkPools(service, own),
    ...checkProtocol(service, whole.listeners),
    ...problemsUnder('/split', checkSplit(service.split, service)),
    ...checkRules(service, whole.lookups),
    ...checkShape(service),
    ...checkErrorPages(service),
    ...checkCookies(service),
    ...problemsUnder('/algorithm', checkAlgorithm(service.algorithm)),
    ...checkFilters(service),
    ...checkWellness(service),
    ...(service.mirror === undefined
      ? []
      : problemsUnder('/mirror', checkMirror(service.mirror, service, whole.lookups))),
    ...(whole.services === undefined ? [] : checkClaims(name, service, whole.services)),
  ];
}

/** Paths count from the split. */
export function checkSplit(split: Readonly<Split> | undefined, service: Pick<ServiceDocument, 'pools'>): Problem[] {
  const pools = Object.keys(service.pools);
  if (split === undefined) {
    if (pools.length === 1) return [];
    const example = pools.map((pool, i) => `${pool}: ${i === 0 ? 100 : 0}`).join(', ');
    return [{ path: '', message: `is missing: with several pools, say the share of each, such as { ${example} }` }];
  }
  const problems = Object.keys(split).flatMap((pool) => checkPoolName(pointerOf(pool), pool, service, true));
  const sum = Object.values(split).reduce((total, percent) => total + Math.round(percent * 100), 0);
  if (sum !== SHARES_ALL) problems.push({ path: '', message: `sums to ${sum / 100}; the shares must sum to 100` });
  return problems;
}

/** Paths count from the mirror. */
export function checkMirror(
  { pool, when, removeHeaders = [] }: MirrorDocument,
  service: Pick<ServiceDocument, 'pools'>,
  lookups?: LookupNames,
): Problem[] {
  return [
    ...checkPoolName('/pool', pool, service),
    ...(when === undefined ? [] : problemsUnder('/when', checkWhen(when as ConditionDocument, lookups))),
    ...removeHeaders.flatMap((name, i) => checkField(pointerOf('removeHeaders', i), name)),
  ];
}

function checkPools(service: ServiceDocument, own: readonly OwnAddress[]): Problem[] {
  return Object.entries(service.pools).flatMap(([name, pool]) =>
    problemsUnder(pointerOf('pools', name, 'targets'), checkTargets(pool.targets ?? [], own)),
  );
}

/** Paths count from the list. */
function checkTargets(targets: readonly TargetDocument[], own: readonly OwnAddress[]): Problem[] {
  const firstById = new Map<string, number>();
  return targets.flatMap((target, index) => {
    const address = parseTargetUrl(target.url);
    if ('problem' in address) return [];
    const path = pointerOf(index, 'url');
    const first = firstById.get(address.id);
    if (first !== undefined)
      return [{ path, message: `is the target ${address.id} again, which is entry ${first} of this pool already` }];
    firstById.set(address.id, index);
    if (isForbiddenAddress(address.host)) {
      const message = `must not be ${address.host}: unspecified, link-local, multicast and metadata addresses are no servers`;
      return [{ path, message }];
    }
    const loop = own.find((candidate) => candidate.isReachedAt(address.host, address.port));
    return loop === undefined ? [] : [{ path, message: `must not be ${loop.name} of this proxy itself` }];
  });
}

/** A setting that its algorithm never looks at would be one that seems to work. Paths count from the algorithm. */
function checkAlgorithm(algorithm: ServiceDocument['algorithm']): Problem[] {
  if (algorithm === undefined || typeof algorithm === 'string') return [];
  const { name, function: reference } = algorithm;
  if (name === undefined && reference === undefined)
    return [{ path: '', message: 'has neither "name" nor "function"' }];
  if (name !== undefined && reference !== undefined) {
    return [{ path: '/function', message: 'stands beside "name"; only one of them can choose', atKey: true }];
  }
  return Object.entries(SETTING_OF).flatMap(([setting, names]) => {
    if (!Object.hasOwn(algorithm, setting) || names.includes(name ?? '')) return [];
    const message = `is a setting of ${names.join(' and ')}, and the algorithm is ${name ?? 'a function'}`;
    return [{ path: pointerOf(setting), message, atKey: true }];
  });
}

const SETTING_OF: Readonly<Record<string, readonly string[]>> = { key: ['rendezvous'], decay: ['p2c', 'least-time'] };

function checkFilters(service: ServiceDocument): Problem[] {
  return (service.filters ?? []).flatMap((filter, index) =>
    filter.onRequest === undefined && filter.onResponse === undefined
      ? [{ path: pointerOf('filters', index), message: 'has no function; give "onRequest" or "onResponse"' }]
      : [],
  );
}
