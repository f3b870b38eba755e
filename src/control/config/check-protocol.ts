/**
 * What only one of HTTP and TCP has: a connection whose bytes pass as they are has no path, no fields and no status, and a
 * setting that nobody ever looks at would be one that seems to work.
 */
import { closestName } from '../../base/closest-name.ts';
import type { ConditionDocument } from '../../schema/condition.ts';
import { type Problem, pointerOf, problemsUnder } from '../../schema/problem.ts';
import type { RuleDocument } from '../../schema/rule.ts';
import type { ServiceDocument } from '../../schema/service.ts';
import { parseTargetUrl } from '../../schema/target-url.ts';
import type { Listening } from './own-addresses.ts';

type Listeners = NonNullable<Listening['listeners']>;

/** Whether a service takes the connections of listeners that pass bytes. */
export function isTcpService({ match }: Pick<ServiceDocument, 'match'>, listeners: Listeners = {}): boolean {
  return (match?.listeners ?? []).some((name) => isTcp(name, listeners));
}

/** `listeners` undefined: it is not known what there is. Paths count from the service. */
export function checkProtocol(service: ServiceDocument, listeners: Listening['listeners']): Problem[] {
  if (listeners === undefined) return [];
  const named = checkNames(service, listeners);
  if (!isTcpService(service, listeners)) {
    return [...named, ...checkSchemes(service, 'http'), ...presentOf(service, TCP_ONLY)];
  }
  return [...named, ...checkSchemes(service, 'tcp'), ...checkTcp(service)];
}

function isTcp(name: string, listeners: Listeners): boolean {
  return Object.hasOwn(listeners, name) && listeners[name]?.protocol === 'tcp';
}

function checkNames(service: ServiceDocument, listeners: Listeners): Problem[] {
  const isOfTcp = isTcpService(service, listeners);
  return (service.match?.listeners ?? []).flatMap((name, i) => {
    const path = pointerOf('match', 'listeners', i);
    if (!Object.hasOwn(listeners, name)) return [{ path, message: unknownListener(name, listeners) }];
    if (!isOfTcp || isTcp(name, listeners)) return [];
    return [{ path, message: `is "${name}", which speaks http, beside one of tcp; make a service for each` }];
  });
}

function unknownListener(name: string, listeners: Listeners): string {
  const names = Object.keys(listeners);
  const meant = closestName(name, names);
  const right = meant === null ? `there are ${names.map((one) => `"${one}"`).join(', ')}` : `did you mean "${meant}"?`;
  return `there is no listener "${name}"; ${right}`;
}

const WRONG_SCHEME = {
  http: 'must use http: tcp is for services that name a tcp listener in match.listeners',
  tcp: 'must use tcp, such as "tcp://127.0.0.1:5432": the service is one of a tcp listener',
} as const;

function checkSchemes({ pools }: ServiceDocument, scheme: 'http' | 'tcp'): Problem[] {
  return Object.entries(pools).flatMap(([pool, { targets = [] }]) =>
    targets.flatMap(({ url }, i) => {
      const address = parseTargetUrl(url);
      if ('problem' in address || address.scheme === scheme) return [];
      return [{ path: pointerOf('pools', pool, 'targets', i, 'url'), message: WRONG_SCHEME[scheme] }];
    }),
  );
}

const PASSES = 'and connections of a tcp listener pass as they are';

/** Fields that a connection has no use for, and why. */
const HTTP_ONLY: Readonly<Record<string, string>> = {
  'match/pathPrefix': `asks for a path, ${PASSES}`,
  filters: `change requests and responses, ${PASSES}`,
  sticky: `binds sessions by a cookie, ${PASSES}; use the algorithm rendezvous to keep clients on their target`,
  mirror: `copies requests, ${PASSES}`,
  warmUp: `sends requests, ${PASSES}`,
  path: `changes paths, ${PASSES}`,
  headers: `changes header fields, ${PASSES}`,
  reverse: `changes header fields, ${PASSES}`,
  errorPages: `are answers, ${PASSES}`,
  interceptErrors: `are statuses of answers, ${PASSES}`,
  buffering: `keeps requests and responses, ${PASSES}`,
  upgrades: `are asked for by a header field, ${PASSES}`,
  ambiguousPaths: `is about paths, ${PASSES}`,
  upstream: 'is about connections that are kept for the next request, and each client has one of its own',
  'affinity/issue': `gives out a cookie, ${PASSES}`,
  'algorithm/function': `is asked with a request, ${PASSES}`,
  'pause/healthPath': `is a path, ${PASSES}`,
  'retries/budget': 'is for reset and statuses; of a tcp listener only connecting is tried again',
  'retries/backoff': 'is for reset and statuses; of a tcp listener only connecting is tried again',
  'retries/perTryTimeout': 'ends with the head of an answer; use timeouts.connect',
  'retries/idempotencyKey': `is a header field, ${PASSES}`,
  'timeouts/responseHead': `is about a response, ${PASSES}`,
  'timeouts/requestBodyIdle': `is about a request; use timeouts.tunnelIdle`,
  'timeouts/responseBodyIdle': `is about a response; use timeouts.tunnelIdle`,
  'timeouts/total': `is of one request; use timeouts.tunnelIdle`,
  'limits/requestBody': `is about a request, ${PASSES}`,
  'limits/responseHead': `is about a response, ${PASSES}`,
  'limits/responseFields': `is about a response, ${PASSES}`,
};

const TCP_ONLY = {
  proxyProtocol: 'is for services of tcp listeners; targets of http are told by X-Forwarded-For and Forwarded',
};

function checkTcp(service: ServiceDocument): Problem[] {
  return [
    ...presentOf(service, HTTP_ONLY),
    ...(service.rules ?? []).flatMap((rule, i) => problemsUnder(pointerOf('rules', i), checkRule(rule))),
    ...(service.affinity?.key ?? []).flatMap((key, i) => clientIpOnly(pointerOf('affinity', 'key', i), key)),
    ...clientIpOnly('/rateLimit/key', service.rateLimit?.key),
    ...clientIpOnly('/algorithm/key', typeof service.algorithm === 'object' ? service.algorithm.key : undefined),
    ...(service.retries?.on ?? []).flatMap((reason, i) => connectOnly(pointerOf('retries', 'on', i), reason)),
    ...checkHealth(service),
  ];
}

/** Fields by their place, and why they cannot stand there. */
function presentOf(document: object, fields: Readonly<Record<string, string>>): Problem[] {
  return Object.entries(fields).flatMap(([place, message]) => {
    const parts = place.split('/');
    return has(document, parts) ? [{ path: pointerOf(...parts), message, atKey: true }] : [];
  });
}

function has(document: unknown, [name, ...rest]: readonly string[]): boolean {
  if (name === undefined) return true;
  if (typeof document !== 'object' || document === null || !Object.hasOwn(document, name)) return false;
  return has((document as Readonly<Record<string, unknown>>)[name], rest);
}

const HTTP_ACTIONS = {
  redirect: `answers a request, ${PASSES}`,
  respond: `answers a request, ${PASSES}`,
  rewrite: `changes a request, ${PASSES}`,
};

const HTTP_CONDITIONS = Object.fromEntries(
  ['method', 'path', 'headers', 'cookies', 'query', 'device', 'userGroup', 'function'].map((name) => [
    name,
    `asks for a request, ${PASSES}; use clientIp, region or time`,
  ]),
);

function checkRule(rule: RuleDocument): Problem[] {
  return [...presentOf(rule, HTTP_ACTIONS), ...problemsUnder('/when', checkCondition(rule.when as ConditionDocument))];
}

/** How deep conditions may be is looked at elsewhere, and may not have been yet. */
function checkCondition(condition: ConditionDocument): Problem[] {
  const problems: Problem[] = [];
  const waiting = [{ at: '', condition }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { at, condition: current } = next;
    if (typeof current !== 'object' || current === null) continue;
    problems.push(...problemsUnder(at, presentOf(current, HTTP_CONDITIONS)));
    const { all, any, not } = current;
    for (const [field, list] of Object.entries({ all, any })) {
      if (Array.isArray(list)) {
        waiting.push(
          ...(list as ConditionDocument[]).map((one, i) => ({ at: at + pointerOf(field, i), condition: one })),
        );
      }
    }
    if (not !== undefined) waiting.push({ at: `${at}/not`, condition: not });
  }
  return problems;
}

function clientIpOnly(path: string, key: string | undefined): Problem[] {
  if (key === undefined || key === 'client-ip') return [];
  return [{ path, message: `is "${key}", which a request has, ${PASSES}; use "client-ip"` }];
}

function connectOnly(path: string, reason: string | number): Problem[] {
  if (reason === 'connect') return [];
  return [{ path, message: `is ${reason}, which only a request can be tried again for; use "connect"` }];
}

/** Checks ask by http where nothing is said: of servers that speak anything, that must be said. */
function checkHealth({ health, proxyProtocol }: ServiceDocument): Problem[] {
  if (health?.type === 'http' && proxyProtocol !== undefined) {
    const message = 'is http, and checks do not begin with the header that targets expect by proxyProtocol; use tcp';
    return [{ path: '/health/type', message }];
  }
  if (health === undefined || health.type !== undefined) return [];
  const message = 'does not say its type; write "type: tcp", or "type: http" where the targets speak http';
  return [{ path: '/health', message }];
}
