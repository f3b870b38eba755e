/**
 * What would become of a request that is only described, and why. The same functions decide as for a real one, in the same
 * order as in pipeline.ts, on the request written as bytes and read as every other; but nothing is counted, no turn is
 * taken, and nothing is sent.
 */
import type { CidrSet } from '../base/cidr.ts';
import type { Clock } from '../base/clock.ts';
import { UserCodeError } from '../modules/user-code-error.ts';
import type { Explanation, ExplainQuestion } from '../snapshot/explain.ts';
import type { FilterSpec, ListenerLimits, MatchSpec } from '../snapshot/types.ts';
import { findService, findTcpService, hashKeyOf, refusalOf, upgradeOf } from './arrival.ts';
import { boundTarget, sessionCookieOf } from './client-binding.ts';
import { ConnectionFacts } from './connection-facts.ts';
import { type Chance, decide } from './decide.ts';
import { mirrorBar, mirrorSlot } from './decide-mirror.ts';
import { type FailureCode, failureOf } from './errors.ts';
import {
  answerOf,
  candidateOf,
  choiceOf,
  mirrorOf,
  poolOf,
  rulesOf,
  sessionOf,
  splitOf,
  userOf,
} from './explain-points.ts';
import { RequestReading } from './filters/request-reading.ts';
import type { PickedRequest } from './filters/user-algorithm.ts';
import { HeadFacts } from './head-facts.ts';
import { provenanceOf } from './http1/provenance.ts';
import { RequestHead } from './http1/request-head.ts';
import { Origin, type Provenance } from './origin.ts';
import type { Pool } from './pool.ts';
import type { BoundService, Routing } from './routing.ts';
import { isHealthCheck, rateKey } from './service-gates.ts';
import type { RequestFacts } from './split/request-facts.ts';
import type { Target } from './upstream/target.ts';

export interface ExplainContext {
  readonly routing: Routing;
  /** Whether the routing is not in force. */
  readonly isProposed: boolean;
  readonly worker: string;
  readonly trustedProxies: CidrSet;
  readonly clock: Clock;
  /** Of the listener that the request comes by. */
  readonly limits: HeadLimits;
  readonly chance: Chance;
  /** Where algorithms of user code find the request. */
  readonly pickedRequest: PickedRequest;
}

export type HeadLimits = Pick<ListenerLimits, 'requestLineBytesMax' | 'headBytesMax' | 'fieldsMax'>;

export function explain(question: ExplainQuestion, context: ExplainContext): Explanation {
  const { clock, routing, trustedProxies } = context;
  const nothing = nothingTold(context);
  if (question.scheme === 'tcp') return { ...nothing, ...explainConnection(question, context) };
  const head = readHead(question, context.limits);
  if (typeof head === 'string') return { ...nothing, refusal: refusal(head) };

  const { peer, authority, listener } = question;
  const origin = new Origin(peer, trustedProxies.has(peer), question.scheme, authority, listener ?? '');
  const from = provenanceOf(head, origin, head.authority, trustedProxies);
  const read = { ...nothing, request: requestOf(head, from) };
  const service = findService(routing, head, origin.listener);
  if (service === null) return { ...read, refusal: refusal('no_service') };

  const found = { ...read, service: serviceOf(service, head.host, origin.listener) };
  const refused = refusalOf(service, head);
  if (refused !== null) return { ...found, refusal: refusal(refused) };
  const facts = new HeadFacts(clock).of(head, origin, from);
  const stopped = stoppedAtGate(service, head, facts, clock);
  if (stopped !== null) return { ...found, refusal: refusal(stopped) };
  return { ...found, ...wayOf(service, head, facts, context) };
}

/** As in connection-pipeline.ts. */
function explainConnection({ peer, listener, target }: ExplainQuestion, context: ExplainContext): Partial<Explanation> {
  const { clock, routing, trustedProxies } = context;
  const origin = new Origin(peer, trustedProxies.has(peer), 'http', '', listener ?? '');
  const request = { method: '', host: target, path: '', clientAddress: peer, scheme: 'tcp' };
  const service = findTcpService(routing, origin.listener, target);
  if (service === null) {
    const why = `No service names the listener "${origin.listener}" in its \`match.listeners\`, and this server's name.`;
    return { request, refusal: { code: 'no_service', status: 0, why } };
  }
  const { name, match } = service.spec;
  const byHost = match.hosts.length === 0 ? '' : `, and ${whyHost(match.hosts, target)}`;
  const found = { request, service: { name, filters: [], why: `it names the listener "${origin.listener}"${byHost}` } };
  const facts = new ConnectionFacts(clock).of(origin, peer);
  if (isAboveRate(service, facts, clock)) return { ...found, refusal: refusal('rate_limited') };
  return { ...found, ...wayOf(service, null, facts, context) };
}

function nothingTold({ routing, isProposed, worker }: ExplainContext): Explanation {
  return { generation: routing.generation, isProposed, worker, request: null, service: null, ...NO_WAY };
}

/** As in service-gates.ts, with nothing counted. A request that would be held is told of where it goes afterwards. */
function stoppedAtGate(
  service: BoundService,
  head: RequestHead,
  facts: RequestFacts,
  clock: Clock,
): FailureCode | null {
  const { pause } = service.spec;
  if (pause !== null && isHealthCheck(pause, head)) return 'pause_health';
  return isAboveRate(service, facts, clock) ? 'rate_limited' : null;
}

function isAboveRate({ spec, live }: BoundService, facts: RequestFacts, clock: Clock): boolean {
  const { rateLimit } = spec;
  const limiter = live?.rateLimiter ?? null;
  if (rateLimit === null || limiter === null) return false;
  return limiter.waitMs(rateKey(rateLimit, facts), clock.monotonicMs()) > 0;
}

type Way = Omit<Explanation, 'generation' | 'isProposed' | 'worker' | 'request' | 'service'>;

/** From the service on: as far as the request gets. `head` null: it is a connection. */
function wayOf(service: BoundService, head: RequestHead | null, facts: RequestFacts, context: ExplainContext): Way {
  const cookie = sessionCookieOf(service, facts);
  const session = cookie === null ? null : (service.sessions?.get(cookie) ?? null);
  const rules = rulesOf(service, facts);
  const decision = orUserCodeError(() => decide(service, facts, session, context.chance));
  if (decision instanceof UserCodeError) return { ...NO_WAY, rules, refusal: userCodeRefusal(decision) };
  const { pool } = decision;
  const way: Way = {
    ...NO_WAY,
    rules,
    session: pool === null ? null : sessionOf(service, cookie, session, pool),
    user: userOf(decision),
    split: splitOf(service, decision),
    pool: pool === null ? null : poolOf(service, pool, decision),
    answer: answerOf(decision, facts),
    wait: service.spec.pause === null ? null : WAITS.pause,
  };
  if (way.answer !== null) return way;
  if (pool === null) return { ...way, refusal: refusal('no_target') };
  const key = hashKeyOf(service, facts, decision.user, head);
  const bound = boundTarget(session, pool);
  const { meaning, scores } = pool.explain(key);
  const scoreOf = new Map(scores.map(({ candidate, score }) => [candidate, score]));
  const targets = [...pool.targets.values()].map((one) => candidateOf(one, scoreOf.get(one)));
  const target = bound ?? orUserCodeError(() => peekAt(pool, key, head, facts, context));
  if (target instanceof UserCodeError) return { ...way, targets, refusal: userCodeRefusal(target) };
  if (target === null) return { ...way, targets, refusal: refusal('no_target') };
  const place = placeOf(pool, target, bound !== null);
  if (typeof place === 'string') return { ...way, targets, refusal: refusal(place) };
  const how = { isBound: bound !== null, hasMoved: place.target !== target };
  const choice = choiceOf(service, place.target, how, meaning);
  const chosen = { ...way, targets, choice, wait: place.mustWait ? WAITS.room : way.wait };
  const { mirror } = service;
  if (mirror === null || head === null) return chosen;
  const bar = orUserCodeError(() => mirrorBar(mirror, facts, pool, upgradeOf(service, head)));
  const slot = decision.user?.isNew === true ? -1 : mirrorSlot(service, mirror.spec, facts, decision.user);
  return { ...chosen, mirror: mirrorOf(mirror, facts, bar, slot) };
}

const WAITS = {
  pause: { for: 'pause', why: 'The service is paused: the request is held, and goes its way when the pause ends.' },
  room: { for: 'room', why: 'All targets that would do have as many requests as they may: it waits for one to end.' },
} as const;

/** As in place.ts, with nobody's turn taken. What is let through while a breaker recovers is left to chance. */
function placeOf(pool: Pool, chosen: Target, isBound: boolean): { target: Target; mustWait: boolean } | FailureCode {
  const { guard } = pool;
  if (guard?.isOpen === true) return 'breaker_open';
  const admission = guard?.admission ?? null;
  if (admission === null) return { target: chosen, mustWait: false };
  const free = admission.peek(chosen, isBound);
  if (free !== null) return { target: free, mustWait: false };
  return admission.isFull ? 'queue_full' : { target: chosen, mustWait: true };
}

const NO_WAY: Way = {
  rules: [],
  session: null,
  user: null,
  split: null,
  pool: null,
  answer: null,
  targets: [],
  choice: null,
  wait: null,
  mirror: null,
  refusal: null,
};

/** The target that is next. An algorithm of user code can read the request meanwhile, and not after. */
function peekAt(
  pool: Pool,
  key: string,
  head: RequestHead | null,
  facts: RequestFacts,
  { pickedRequest }: ExplainContext,
): Target | null {
  if (head === null) return pool.peek(key);
  const request = new RequestReading(head, facts);
  pickedRequest.current = request;
  try {
    return pool.peek(key);
  } finally {
    pickedRequest.current = null;
    request.end();
  }
}

/** A mistake of ours is not told as one of theirs. */
function orUserCodeError<T>(work: () => T): T | UserCodeError {
  try {
    return work();
  } catch (error) {
    if (error instanceof UserCodeError) return error;
    throw error;
  }
}

function userCodeRefusal({ message }: UserCodeError): Explanation['refusal'] {
  const code = 'user_code_failed';
  return { code, status: failureOf(code).status, why: message };
}

// --- the request -----------------------------------------------------------------------------------------------------

function readHead(
  { method, target, authority, fields }: ExplainQuestion,
  limits: HeadLimits,
): RequestHead | FailureCode {
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const bytes = Buffer.from(`${method} ${target} HTTP/1.1\r\nHost: ${authority}\r\n${lines}\r\n`, 'latin1');
  const head = new RequestHead(limits);
  const result = head.read(bytes, 0, bytes.length);
  if (result === 'more') return 'malformed_request';
  if (result !== 'done') return result;
  if (bytes.length > limits.headBytesMax) return 'head_too_large';
  return head.interpret() ?? head;
}

function requestOf(head: RequestHead, { clientAddress, scheme }: Provenance): Explanation['request'] {
  return { method: head.method, host: head.host, path: head.target.substring(0, head.pathEnd), clientAddress, scheme };
}

function refusal(code: FailureCode): Explanation['refusal'] {
  const { status, text } = failureOf(code);
  return { code, status, why: REFUSALS[code] ?? text };
}

/** What an operator is told more of than a client. */
const REFUSALS: Readonly<Partial<Record<FailureCode, string>>> = {
  no_service: 'No service has this host and path: see the `match` of the one that should have them.',
  ambiguous_path:
    'The path holds %2f, %5c, %00, %2e or a dot segment, and the service does not say `ambiguousPaths: true`.',
  body_too_large: 'Content-Length is above the `limits.requestBody` of the service.',
  no_target: 'No target of the pool is up and in state ready with a weight.',
  pause_health: 'The service is paused, and the path is its `pause.healthPath`: the proxy answers that it is well.',
  rate_limited: 'The client has made as many requests as `rateLimit` lets it make.',
  breaker_open: 'The circuit breaker of the pool is open on this worker.',
  queue_full: 'All targets that would do have as many requests as they may, and so has the queue.',
  head_too_large: 'The head is above `limits.head` or `limits.fields` of the listener.',
  target_too_long: 'The URL is above `limits.requestLine` of the listener.',
};

function serviceOf({ spec }: BoundService, host: string, listener: string): Explanation['service'] {
  const { name, match, filters } = spec;
  const byListener = match.listeners.length === 0 ? '' : `it names the listener "${listener}", `;
  return { name, filters: filters.flatMap(referencesOf), why: byListener + whyService(match, host) };
}

function referencesOf({ onRequest, onResponse }: FilterSpec): string[] {
  return [onRequest, onResponse].filter((reference) => reference !== null);
}

function whyService({ hosts, pathPrefix }: MatchSpec, host: string): string {
  return `${whyHost(hosts, host)}, and the path lies below its "${pathPrefix}"; no other service says so more precisely`;
}

function whyHost(hosts: readonly string[], host: string): string {
  if (hosts.length === 0) return 'it takes any host';
  if (hosts.includes(host)) return `the host is its own "${host}"`;
  const wildcards = hosts.filter((one) => one.startsWith('*.') && host.endsWith(one.slice(1)));
  const longest = wildcards.toSorted((a, b) => b.length - a.length)[0];
  return `the host fits its "${longest ?? ''}"`;
}
