/** A request that has found its service: what all later stages ask about it. */
import type { AffinityKey } from '../snapshot/types.ts';
import type { AccessEntry } from './access-log.ts';
import type { Downstream } from './downstream.ts';
import type { FailureCode } from './errors.ts';
import type { RequestHead } from './http1/request-head.ts';
import type { Provenance } from './origin.ts';
import type { BoundService, Routing } from './routing.ts';
import type { RequestFacts } from './split/request-facts.ts';
import { type User, userBy } from './split/slots.ts';

/** Good until the stretch ends in which the request is routed: head and facts are then those of the next one. */
export interface Arrival {
  /** What it is routed by, from its first stage to its last. */
  readonly routing: Routing;
  readonly service: BoundService;
  readonly downstream: Downstream;
  readonly head: RequestHead;
  readonly from: Provenance;
  readonly facts: RequestFacts;
  readonly requestId: string;
  /** The host that the client asked for, or has connected to. */
  readonly authority: string;
  /** The peer is a trusted proxy. */
  readonly isTrusted: boolean;
  /** null: it is not logged. */
  readonly entry: AccessEntry | null;
}

/** The service of a request that came by `listener`. */
export function findService(routing: Routing, head: RequestHead, listener: string): BoundService | null {
  const path = pathOf(head);
  const own = routing.ofListener === null ? null : (routing.ofListener.get(listener)?.find(head.host, path) ?? null);
  const name = own ?? routing.table.find(head.host, path);
  return name === null ? null : (routing.services.get(name) ?? null);
}

/** The service of a connection of a listener which passes bytes. `serverName`: that a TLS client asks for, or "". */
export function findTcpService(
  { ofListener, services }: Routing,
  listener: string,
  serverName: string,
): BoundService | null {
  const name = ofListener?.get(listener)?.find(serverName, '/') ?? null;
  return name === null ? null : (services.get(name) ?? null);
}

function pathOf(head: RequestHead): string {
  return head.pathEnd === head.target.length ? head.target : head.target.substring(0, head.pathEnd);
}

/** What the service does not take. */
export function refusalOf({ spec, buffers }: BoundService, head: RequestHead): FailureCode | null {
  if (head.ambiguousPath && !spec.ambiguousPaths) {
    return 'ambiguous_path';
  }
  if (spec.limits.requestBodyBytesMax > 0 && head.contentLength > spec.limits.requestBodyBytesMax) {
    return 'body_too_large';
  }
  if (buffers !== null && buffers.refusesRequest(head)) {
    return 'body_too_large';
  }
  // RFC 9110 section 7.6.2.
  if (head.method === 'OPTIONS' && /^0+$/.test(head.fields.get('max-forwards') ?? '')) {
    return 'last_hop';
  }
  return null;
}

/** What the algorithm wants to know of the request; "" where the request does not have it. `head` null: it has none. */
export function hashKeyOf(
  { spec }: BoundService,
  facts: RequestFacts,
  user: User | null,
  head: RequestHead | null,
): string {
  const { key } = spec.algorithm;
  if (key === null) {
    return '';
  }
  if (key.kind === 'path') {
    return head === null ? '' : pathOf(head);
  }
  // The client will bring the id that it is given now, and must be where it is already.
  const isGiven = key.kind === 'cookie' && user !== null && user.isNew && isCookie(user.key, key.name);
  return isGiven ? user.id : (userBy(key, facts) ?? '');
}

function isCookie(key: AffinityKey, name: string): boolean {
  return key.kind === 'cookie' && key.name === name;
}

/** The protocol that the target is asked for; "": none that the service upgrades to. */
export function upgradeOf({ spec }: BoundService, { upgrade }: RequestHead): string {
  return spec.upgrades.includes(upgrade) ? upgrade : '';
}
