/**
 * The routing state, as plain data: what the control plane compiles and every data plane serves.
 *
 * All of it is immutable and can be sent to another process as JSON. What changes by itself while a snapshot is
 * served (health, requests in flight, idle connections) is not in here: it belongs to target objects of the data
 * plane that outlive snapshots and are found by identity (service, pool, target).
 *
 * Units: times in milliseconds, sizes in bytes, shares in basis points (1/100 of a percent, 10,000 in all).
 */

import type { AlgorithmSpec } from './algorithm-spec.ts';
import type { BufferingSpec } from './buffer-spec.ts';
import type { TargetHealth } from './data-plane.ts';
import type { LookupUpdate } from './lookup-spec.ts';
import type { AdmissionSpec, BreakerSpec, PauseSpec, RateLimitSpec, RetrySpec } from './protection-spec.ts';
import type { ConditionSpec, RuleSpec } from './rule-spec.ts';
import type { ShapeSpec } from './shape-spec.ts';
import type { EjectionSpec, SlowStartSpec } from './wellness-spec.ts';

/** Slots that users are hashed into, and the unit of every split: one slot is 0.01 %. */
export const SLOT_COUNT = 10_000;

export interface RoutingSnapshot {
  /** Counts up by one with each change; the first snapshot that serves is 1. */
  readonly generation: number;
  /** By service name. */
  readonly services: ReadonlyMap<string, ServiceSpec>;
}

/** The difference between two snapshots: the only thing that travels to a data plane. */
export interface SnapshotUpdate {
  readonly generation: number;
  /** Services added or changed, each whole. */
  readonly changed: readonly ServiceSpec[];
  /** Names of services that are gone. */
  readonly removed: readonly string[];
  /**
   * Health of the targets that this update brings, in force with it, so that one which starts down gets no request
   * before its checks have passed. A new target that is not named starts up.
   */
  readonly health?: readonly TargetHealth[];
  /** What rules look things up in, where it differs; services that look into what changed need not be sent again. */
  readonly lookups?: LookupUpdate;
}

export interface ServiceSpec {
  readonly name: string;
  readonly match: MatchSpec;
  readonly pools: readonly PoolSpec[];
  /** Who owns which of the 10,000 slots: sorted by `from`, without gaps or overlaps; a pool may own several ranges. */
  readonly slots: readonly SlotRange[];
  readonly algorithm: AlgorithmSpec;
  /** In order; the first that matches decides before the split does. */
  readonly rules: readonly RuleSpec[];
  /** User code that sees requests, in order, and responses, in the order turned round. */
  readonly filters: readonly FilterSpec[];
  /** Modules of user code that any of it names ("FILE?v=VERSION"), each once. */
  readonly modules: readonly string[];
  /** Where a user's identity is looked for, in order; empty: every request draws its own slot. */
  readonly affinity: AffinitySpec;
  readonly sticky: StickySpec | null;
  readonly mirror: MirrorSpec | null;
  readonly retries: RetrySpec;
  readonly breaker: BreakerSpec | null;
  readonly ejection: EjectionSpec | null;
  /** While fewer percent of a pool's ready targets are well, all are used; 0: never. */
  readonly panicPercent: number;
  readonly slowStart: SlowStartSpec | null;
  readonly rateLimit: RateLimitSpec | null;
  readonly admission: AdmissionSpec | null;
  /** Not null: the service is held. */
  readonly pause: PauseSpec | null;
  /** What is changed of messages on their way. */
  readonly shape: ShapeSpec;
  /** null: bodies pass as they come. */
  readonly buffering: BufferingSpec | null;
  readonly timeouts: ServiceTimeouts;
  readonly limits: ServiceLimits;
  readonly upstream: UpstreamSpec;
  /** How targets of connections that pass are told who the client is; null: they are not. */
  readonly proxyProtocol: ProxyHeaderVersion | null;
  /** Upgrade protocols that may become tunnels, lower case ("websocket"). */
  readonly upgrades: readonly string[];
  /** Whether its requests are in the access log, where there is one. */
  readonly accessLog: boolean;
  /** Whether `%2f`, `%5c`, `%00`, `%2e` and dot segments in a path are passed on (false: 400). */
  readonly ambiguousPaths: boolean;
}

export interface MatchSpec {
  /** Names of listeners; empty: all that speak HTTP. */
  readonly listeners: readonly string[];
  /** Exact ("shop.example.com") or wildcard ("*.shop.example.com", any depth below it), lower case; empty: any host. */
  readonly hosts: readonly string[];
  /** Starts with "/"; matches at a segment border only ("/api" matches "/api" and "/api/x", not "/apix"). */
  readonly pathPrefix: string;
}

export interface PoolSpec {
  readonly name: string;
  /** What runs there, as the operator calls it; "" where none was given. */
  readonly version: string;
  readonly targets: readonly TargetSpec[];
}

export type AdminState = 'ready' | 'drain' | 'maint';

export interface TargetSpec {
  /** "host:port", the target's name in the API and in metrics, unique in its pool. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** 0 to 65,535; 0 takes no part in balancing. */
  readonly weight: number;
  readonly zone: string;
  /** Only where no other target may serve. */
  readonly backup: boolean;
  readonly state: AdminState;
}

export interface SlotRange {
  readonly pool: string;
  /** First slot, inclusive. */
  readonly from: number;
  /** Last slot, exclusive. */
  readonly to: number;
}

/** References of functions, as `base/function-reference.ts` reads them; `null`: none. */
export interface FilterSpec {
  readonly onRequest: string | null;
  readonly onResponse: string | null;
}

export interface AffinitySpec {
  readonly keys: readonly AffinityKey[];
  /** Mixed into every user's hash, so that another salt draws other users. */
  readonly salt: string;
  /** One of the keys: whom no key before it tells is given this cookie with an id. Null: nobody is given one. */
  readonly issue: CookieSpec | null;
}

export type AffinityKey =
  | { readonly kind: 'cookie'; readonly name: string }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'client-ip' };

export interface StickySpec {
  readonly cookie: CookieSpec;
  /** Sign the cookie, so that a client cannot choose its target: the first does, all of them are accepted. */
  readonly secrets: readonly string[];
  /** Where a session goes whose pool the split does not choose: to the one that it does choose, or nowhere. */
  readonly onCutover: 'move' | 'keep';
}

/** A cookie that clients are given. */
export interface CookieSpec {
  readonly name: string;
  /** What stands behind its value in Set-Cookie, without Secure: "; Path=/; HttpOnly; SameSite=Lax". */
  readonly attributes: string;
  /** Secure also for a client that came by http. */
  readonly isAlwaysSecure: boolean;
}

export interface MirrorSpec {
  readonly pool: string;
  /** Share that is copied, in basis points: of users where they are known, else of requests. */
  readonly share: number;
  /** Mixed into a user's hash for the draw: another than the split's, so that other users are drawn first. */
  readonly salt: string;
  /** What a request must meet to be copied; null: nothing. */
  readonly when: ConditionSpec | null;
  /** Also copy methods that change state (POST, PUT, PATCH, DELETE, ...). */
  readonly unsafeMethods: boolean;
  /** Fields that copies go without, lower case. */
  readonly withheld: readonly string[];
  /** Copies under way at once, over all workers: each takes its part, rounded up. Above it a copy is dropped and counted. */
  readonly concurrencyMax: number;
  /** A request whose body is longer is not copied. */
  readonly bodyBytesMax: number;
  /** Of an answer's body no more is read. */
  readonly answerBytesMax: number;
  readonly timeoutMs: number;
}

export interface ServiceTimeouts {
  readonly connectMs: number;
  /** From the request's last byte sent to the response head. */
  readonly responseHeadMs: number;
  /** Longest silence inside a request's body. */
  readonly requestBodyIdleMs: number;
  /** Longest silence inside a response's body, from the target or towards a client that does not read. */
  readonly responseBodyIdleMs: number;
  /** Longest silence in both directions of a tunnel. */
  readonly tunnelIdleMs: number;
  /** The whole request, retries included; 0: no limit. */
  readonly totalMs: number;
}

export interface ServiceLimits {
  /** Above it 413; 0: no limit. */
  readonly requestBodyBytesMax: number;
  readonly responseHeadBytesMax: number;
  readonly responseFieldsMax: number;
}

export interface UpstreamSpec {
  /** Idle connections kept per target and worker. */
  readonly idleConnectionsMax: number;
  /** How long one is kept idle where the target gives no `Keep-Alive: timeout` hint. */
  readonly idleTimeoutMs: number;
}

/** What clients speak: "tcp" is anything, and its bytes pass as they are. */
export type ListenerProtocol = 'http' | 'tcp';

/** Of the header by which proxies that pass bytes tell who the client is. */
export type ProxyHeaderVersion = 'v1' | 'v2';

/** How one listener treats its clients; the same for every service behind it. */
export interface ListenerSpec {
  readonly name: string;
  readonly protocol: ListenerProtocol;
  /** Trusted proxies begin each connection with a header that says who the client is. */
  readonly proxyProtocol: boolean;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** null: it is not spoken here. */
  readonly tls: TlsSpec | null;
  /** HTTP/2 is spoken too: by ALPN or, without TLS, to clients that begin with it. */
  readonly http2: boolean;
  readonly timeouts: ListenerTimeouts;
  readonly limits: ListenerLimits;
}

/** How TLS is spoken. Certificates and keys are no part of it: see `ListenerCredentials`. */
export interface TlsSpec {
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  /** What is offered to speak, as ALPN names it (RFC 7301), best first. */
  readonly protocols: readonly string[];
}

export interface ListenerTimeouts {
  /** From accepting to the end of the TLS handshake. */
  readonly handshakeMs: number;
  /** From a request's first byte to the end of its head; 408 after it. */
  readonly requestHeadMs: number;
  /** Longest wait for the next request on a kept connection. */
  readonly keepAliveMs: number;
  /** How long a silent response is waited for once the client has closed its sending side. */
  readonly halfCloseMs: number;
  /** How long bytes of an unread request are thrown away after an early answer, before the connection is closed. */
  readonly lingerMs: number;
}

export interface ListenerLimits {
  readonly requestLineBytesMax: number;
  readonly headBytesMax: number;
  readonly fieldsMax: number;
  /** Bytes of pipelined requests held while one is answered; above it the connection is not read. */
  readonly pipelinedBytesMax: number;
  /** After so many requests a connection is closed with its last answer. */
  readonly requestsPerConnectionMax: number;
  readonly connectionsMax: number;
  /** Connections of one client, where it is no trusted proxy; 0: no limit. */
  readonly connectionsPerClientMax: number;
  /** Requests at once on one connection of HTTP/2. */
  readonly concurrentStreamsMax: number;
  /** Lag of the event loop above which new requests are refused; 0: no limit. */
  readonly loopLagMs: number;
}
