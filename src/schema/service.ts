/** A service with everything that belongs to it. */
import { Type } from 'typebox';
import type { Static } from 'typebox';

import { AffinitySchema, StickySchema } from './affinity.ts';
import { AlgorithmSchema } from './algorithm.ts';
import { BreakerSchema } from './breaker.ts';
import { BufferingSchema } from './buffering.ts';
import { EjectionSchema } from './ejection.ts';
import { ErrorPagesSchema } from './error-pages.ts';
import { FilterSchema } from './filter.ts';
import { HealthSchema } from './health.ts';
import { MirrorSchema } from './mirror.ts';
import { PauseSchema } from './pause.ts';
import { PoolSchema } from './pool.ts';
import { RateLimitSchema } from './rate-limit.ts';
import { RetriesSchema } from './retries.ts';
import { RuleSchema } from './rule.ts';
import { HeadersSchema, PathSchema, ReverseSchema } from './shape.ts';
import { SlowStartSchema } from './slow-start.ts';
import { WarmUpSchema } from './warm-up.ts';
import { formatted, timeout, limit, count, percent, IdSchema } from './fields.ts';
import { defaulted, recordOf, strictObject } from './strict-object.ts';
import type { Complete } from './strict-object.ts';

export const SplitSchema = recordOf(IdSchema, percent('Share of this pool, in percent, with at most two decimals.'), {
  title: 'Split',
  description: 'Share of each pool in percent, 100 in all; a pool not named has 0.',
  minProperties: 1,
});

export const MatchSchema = strictObject(
  {
    hosts: defaulted(
      Type.Array(
        formatted('host-pattern', 'Exact ("shop.example.com") or wildcard ("*.shop.example.com": any depth below it).'),
        {
          maxItems: 1_000,
          uniqueItems: true,
          description:
            'Hosts of this service; empty: any host. An exact host wins over a wildcard, the longest wildcard over shorter ones. ' +
            'Of a tcp listener: names of servers that TLS clients ask for (SNI), which is read without ending TLS.',
        },
      ),
      [],
    ),
    pathPrefix: defaulted(
      formatted(
        'path-prefix',
        'Paths of this service; matches at a segment border only. The longest prefix of a host wins.',
      ),
      '/',
    ),
    listeners: defaulted(
      Type.Array(IdSchema, {
        maxItems: 64,
        uniqueItems: true,
        description:
          'Listeners of this service; empty: all that speak http. On a listener, the services that name it are asked first, ' +
          'and then those that name none; among either, host and path decide as above. A service that names a listener with ' +
          '`protocol: tcp` takes all of its connections.',
      }),
      [],
    ),
  },
  { title: 'Match', description: 'Which requests belong to the service.' },
);

export const ServiceTimeoutsSchema = strictObject(
  {
    connect: timeout('2s', 'To open a connection to a target.'),
    responseHead: timeout('30s', 'From the last byte of the request to the head of the response.'),
    requestBodyIdle: timeout('30s', 'Longest silence inside a request body.'),
    responseBodyIdle: timeout(
      '60s',
      'Longest silence inside a response body, from the target or of a client that does not read.',
    ),
    tunnelIdle: timeout('1h', 'Longest silence of a tunnel, such as a WebSocket.'),
    total: defaulted(
      formatted('timeout-or-none', 'The whole request with its retries. A duration, or "none".'),
      'none',
    ),
    queue: timeout('5s', 'To wait for a target that has room; then 503. See `limits.inFlightPerTarget`.'),
  },
  { title: 'ServiceTimeouts', description: 'How long each phase of a request may take.' },
);

export const ServiceLimitsSchema = strictObject(
  {
    requestBody: defaulted(
      formatted('limit-or-none', 'Longest request body; above it 413. A size, or "none".'),
      'none',
    ),
    responseHead: limit('64KiB', 'Longest head that a target may send.'),
    responseFields: count(256, 10_000, 'Most header fields that a target may send.'),
    inFlightPerTarget: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000,
        description:
          'Requests that one target may have at once; more wait in the order in which they came. Divided among the workers, each part rounded up. Without it: no limit.',
      }),
    ),
    queue: defaulted(
      Type.Integer({
        minimum: 0,
        maximum: 1_000_000,
        description: 'Requests of one pool that may wait for a target, divided among the workers; above it 503.',
      }),
      1_000,
    ),
  },
  { title: 'ServiceLimits', description: 'How much a request and its response may hold.' },
);

export const UpstreamSchema = strictObject(
  {
    idleConnections: defaulted(
      Type.Integer({ minimum: 0, maximum: 100_000, description: 'Idle connections kept per target and worker.' }),
      256,
    ),
    idleTimeout: timeout(
      '4s',
      'How long an idle connection is kept where the target gives no Keep-Alive hint; less than the target keeps it.',
    ),
  },
  { title: 'Upstream', description: 'Connections to the targets.' },
);

export const ServiceSchema = strictObject(
  {
    match: defaulted(MatchSchema, {}),
    pools: recordOf(IdSchema, PoolSchema, {
      description: 'The pools by name, at least one.',
      minProperties: 1,
      maxProperties: 64,
    }),
    split: Type.Optional(SplitSchema),
    algorithm: defaulted(AlgorithmSchema, 'round-robin'),
    health: Type.Optional(HealthSchema),
    ejection: Type.Optional(EjectionSchema),
    panicPercent: defaulted(
      percent(
        'While fewer of the ready targets of a pool than this are well, all of them are used, well or not: so many cannot be down, and if they are, asking them costs nothing. 0: never; with no target that is well, requests are answered 503 at once. Targets in reserve come first.',
      ),
      0,
    ),
    slowStart: Type.Optional(SlowStartSchema),
    warmUp: Type.Optional(WarmUpSchema),
    rules: defaulted(
      Type.Array(RuleSchema, { maxItems: 1_000, description: 'In order: the first that matches counts.' }),
      [],
    ),
    filters: defaulted(
      Type.Array(FilterSchema, {
        maxItems: 32,
        description: 'User code, in order; that of responses in the order turned round.',
      }),
      [],
    ),
    affinity: Type.Optional(AffinitySchema),
    sticky: Type.Optional(StickySchema),
    mirror: Type.Optional(MirrorSchema),
    retries: defaulted(RetriesSchema, {}),
    breaker: Type.Optional(BreakerSchema),
    rateLimit: Type.Optional(RateLimitSchema),
    pause: Type.Optional(PauseSchema),
    path: Type.Optional(PathSchema),
    headers: defaulted(HeadersSchema, {}),
    reverse: defaulted(ReverseSchema, {}),
    errorPages: defaulted(ErrorPagesSchema, {}),
    interceptErrors: defaulted(
      Type.Array(Type.Integer({ minimum: 400, maximum: 599, description: 'A status.' }), {
        maxItems: 200,
        uniqueItems: true,
        description:
          "Statuses of targets' own answers in whose place `errorPages` go, if the client takes a form that the page has. " +
          'Of such an answer remain Allow, Retry-After and WWW-Authenticate.',
      }),
      [],
    ),
    buffering: Type.Optional(BufferingSchema),
    timeouts: defaulted(ServiceTimeoutsSchema, {}),
    limits: defaulted(ServiceLimitsSchema, {}),
    upstream: defaulted(UpstreamSchema, {}),
    proxyProtocol: Type.Optional(
      Type.Enum(['v1', 'v2'], {
        description:
          'Of a tcp listener: begin each connection to a target with a header of the PROXY protocol, of this version, that says who ' +
          'the client is. The targets must expect it.',
      }),
    ),
    upgrades: defaulted(
      Type.Array(formatted('token', 'An upgrade protocol.'), {
        maxItems: 16,
        description: 'Protocols that a client may upgrade its connection to; empty: none.',
      }),
      ['websocket'],
    ),
    accessLog: defaulted(
      Type.Boolean({ description: 'Whether its requests are in the access log, where there is one.' }),
      true,
    ),
    ambiguousPaths: defaulted(
      Type.Boolean({
        description:
          'Pass on paths with %2f, %5c, %00, %2e or dot segments, which servers read differently (false: 400).',
      }),
      false,
    ),
  },
  { title: 'Service', description: 'One deployed application, found by host and path.' },
);

/** Pool name → percent. */
export type Split = Static<typeof SplitSchema>;
export type ServiceDocument = Static<typeof ServiceSchema>;
export type ServiceConfig = Complete<typeof ServiceSchema> & { readonly split: Readonly<Split> };
