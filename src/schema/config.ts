/**
 * The configuration file, and the documents that the admin API takes and gives: one schema for both.
 *
 * Each shape has two types. `...Document` is what an operator wrote, defaults left out; that is what is stored and shown.
 * The name alone (`ServiceConfig`) is the same with every default filled in, which `withDefaults` makes and which the rest
 * of the program reads.
 */
import { Type } from 'typebox';
import type { Static, TSchema } from 'typebox';

import type { FormatName } from './formats.ts';
import { ROLES } from './roles.ts';
import { defaulted, recordOf, strictObject } from './strict-object.ts';
import type { Complete } from './strict-object.ts';

/** Longest text that a free-form field may hold, in characters. */
const TEXT_CHARS_MAX = 256;

/** Where the admin API listens unless told. */
export const ADMIN_LISTEN_DEFAULT = '127.0.0.1:9900';

const text = (description: string, options: TSchema = {}) =>
  Type.String({ description, maxLength: TEXT_CHARS_MAX, ...options });
const formatted = (format: FormatName, description: string) => Type.String({ format, description, maxLength: 1024 });
const file = (description: string) => text(description, { minLength: 1, maxLength: 1024 });
const timeout = (value: string, description: string) =>
  defaulted(formatted('timeout', `${description} A duration such as "30s".`), value);
const limit = (value: string, description: string) =>
  defaulted(formatted('limit', `${description} A size such as "64KiB".`), value);
const count = (value: number, maximum: number, description: string) =>
  defaulted(Type.Integer({ minimum: 1, maximum, description }), value);
const percent = (description: string) => Type.Number({ format: 'percent', description });

export const IdSchema = formatted(
  'id',
  'A name: 1 to 63 characters of a-z, 0-9, ".", "_" and "-", the first a letter or digit.',
);

export const TargetSchema = strictObject(
  {
    url: formatted('target-url', 'Address of an application server: "http://host:port" (port 80 where none is given).'),
    weight: defaulted(
      Type.Integer({
        minimum: 0,
        maximum: 65_535,
        description: "Share of the pool's requests relative to the other targets; 0: takes no part in balancing.",
      }),
      1,
    ),
    zone: defaulted(text('Where the target runs, such as an availability zone.'), ''),
    state: defaulted(
      Type.Enum(['ready', 'drain', 'maint'], {
        description:
          'ready: takes traffic. drain: finishes what it has and keeps its sticky sessions. maint: no traffic.',
      }),
      'ready',
    ),
  },
  { title: 'Target', description: 'One address of an application server.' },
);

export const PoolSchema = strictObject(
  {
    version: defaulted(text('What runs in this pool, as you call it; shown in metrics.'), ''),
    targets: defaulted(
      Type.Array(TargetSchema, { maxItems: 10_000, description: 'The servers of this pool; may be empty.' }),
      [],
    ),
  },
  { title: 'Pool', description: 'A named, versioned set of targets.' },
);

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
            'Hosts of this service; empty: any host. An exact host wins over a wildcard, the longest wildcard over shorter ones.',
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
  },
  { title: 'Match', description: 'Which requests belong to the service.' },
);

export const HealthSchema = strictObject(
  {
    path: defaulted(formatted('request-path', 'Path that is asked for by GET.'), '/'),
    host: Type.Optional(formatted('host-header', 'Host field of the check; default: the address of the target.')),
    interval: timeout('2s', 'Time between two checks of a target.'),
    timeout: timeout('1s', 'A check that takes longer has failed.'),
    rise: count(2, 100, 'Checks passed in a row that make a target up.'),
    fall: count(3, 100, 'Checks failed in a row that make a target down.'),
    status: defaulted(
      Type.Array(
        Type.Unsafe<number | string>({
          type: ['integer', 'string'],
          minimum: 100,
          maximum: 599,
          format: 'status-range',
          description: 'A status (200) or a range of them ("200-299").',
        }),
        { minItems: 1, maxItems: 32, description: 'The answers that pass.' },
      ),
      ['200-299'],
    ),
    initialState: defaulted(
      Type.Enum(['up', 'down'], {
        description:
          'What targets of the configuration file are until their first checks; those added while running start down.',
      }),
      'up',
    ),
  },
  { title: 'Health', description: 'Active checks of every target. Without this, targets count as up.' },
);

export const RuleSchema = strictObject(
  {
    name: formatted('id', 'Name of the rule, unique in its service.'),
    when: strictObject(
      {
        headers: defaulted(
          recordOf(
            formatted('field-name', 'Header field name, lower case.'),
            formatted('field-value', 'The exact value.'),
            {
              maxProperties: 16,
              description: 'Header fields and their exact values, all of which must match.',
            },
          ),
          {},
        ),
        clientIp: defaulted(
          Type.Array(formatted('cidr', 'A CIDR block or an address.'), {
            maxItems: 1_000,
            description: "Blocks of which one must hold the client's address; empty: any address.",
          }),
          [],
        ),
      },
      { description: 'Conditions, at least one; all of them must hold.' },
    ),
    pool: formatted('id', 'The pool that matching requests go to.'),
  },
  { title: 'Rule', description: 'Chooses the pool of matching requests before the split does.' },
);

export const AffinitySchema = strictObject(
  {
    key: Type.Array(formatted('affinity-key', '"cookie:NAME", "header:NAME" or "client-ip".'), {
      minItems: 1,
      maxItems: 8,
      description: 'Where to find who a user is; the first that a request has counts.',
    }),
    salt: Type.Optional(text('Another salt draws other users into a small share; default: the name of the service.')),
  },
  {
    title: 'Affinity',
    description:
      'The same user gets the same pool, and moves only into a pool whose share grows. Without this each request draws anew.',
  },
);

export const StickySchema = strictObject(
  {
    cookie: formatted('token', 'Name of the cookie.'),
    secret: Type.Optional(
      text('Signs the cookie; default: made once and kept in the state.', { minLength: 16, writeOnly: true }),
    ),
  },
  { title: 'Sticky', description: 'A cookie keeps a session on its target.' },
);

export const MirrorSchema = strictObject(
  {
    pool: formatted('id', 'The pool that gets the copies.'),
    percent: defaulted(percent('Share of the requests that is copied.'), 100),
    unsafeMethods: defaulted(
      Type.Boolean({ description: 'Also copy methods that change state (POST, PUT, PATCH, DELETE, ...).' }),
      false,
    ),
    concurrency: count(64, 10_000, 'Copies under way at once; above it a copy is dropped and counted.'),
    bodyBytes: defaulted(
      formatted(
        'size',
        'A request whose body is longer is not copied; "0B": only those without one. A size such as "64KiB".',
      ),
      '64KiB',
    ),
    timeout: timeout('5s', 'A copy that takes longer is given up.'),
  },
  { title: 'Mirror', description: 'Copies of requests to a pool whose answers nobody sees.' },
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

export const AlgorithmSchema = Type.Enum(['round-robin', 'least-connections'], {
  description:
    'Chooses a target inside a pool. round-robin: in turn, by weight. least-connections: the one with the fewest requests per weight.',
});

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
    rules: defaulted(
      Type.Array(RuleSchema, { maxItems: 1_000, description: 'In order: the first that matches counts.' }),
      [],
    ),
    affinity: Type.Optional(AffinitySchema),
    sticky: Type.Optional(StickySchema),
    mirror: Type.Optional(MirrorSchema),
    timeouts: defaulted(ServiceTimeoutsSchema, {}),
    limits: defaulted(ServiceLimitsSchema, {}),
    upstream: defaulted(UpstreamSchema, {}),
    upgrades: defaulted(
      Type.Array(formatted('token', 'An upgrade protocol.'), {
        maxItems: 16,
        description: 'Protocols that a client may upgrade its connection to; empty: none.',
      }),
      ['websocket'],
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

export const ListenerTimeoutsSchema = strictObject(
  {
    requestHead: timeout('10s', 'From the first byte of a request to the end of its head; 408 after it.'),
    keepAlive: timeout('65s', 'Longest wait for the next request on a kept connection.'),
    halfClose: timeout(
      '500ms',
      'How long a silent response is waited for once the client has closed its sending side.',
    ),
    linger: timeout(
      '2s',
      'How long an unread request is thrown away after an early answer, before the connection is closed.',
    ),
  },
  { title: 'ListenerTimeouts', description: 'How long clients may take.' },
);

export const ListenerLimitsSchema = strictObject(
  {
    requestLine: limit('16KiB', 'Longest request line; above it 414.'),
    head: limit('32KiB', 'Longest request head; above it 431.'),
    fields: count(128, 10_000, 'Most header fields of a request; above it 431.'),
    pipelined: limit('64KiB', 'Pipelined requests held while one is answered; above it the connection is not read.'),
    requestsPerConnection: count(
      10_000,
      1_000_000_000,
      'Requests after which a connection is closed with its last answer.',
    ),
    connections: count(
      20_000,
      1_000_000,
      'Most client connections at once, per worker; further ones are closed at once. Where the limit on open files ' +
        '(LimitNOFILE) has less than two for each, it is so many less.',
    ),
    connectionsPerClient: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000,
        description:
          'Most connections of one client at once, per worker; further ones are closed at once. A client is an IPv4 ' +
          'address or an IPv6 /64; `trustedProxies` are exempt, since they stand for many. Default: no limit.',
      }),
    ),
    loopLag: defaulted(
      formatted(
        'timeout-or-none',
        'While a worker comes to what waits for it later than this, twice in a row, and for a second after it, new ' +
          'requests are answered 503 with Retry-After. A duration, or "none".',
      ),
      '1s',
    ),
  },
  { title: 'ListenerLimits', description: 'How much clients may send.' },
);

export const ListenerSchema = strictObject(
  {
    listen: formatted(
      'listen-address',
      'Address that accepts traffic: "0.0.0.0:8080", "[::]:8080"; port 0: any free one.',
    ),
    protocol: defaulted(
      Type.Enum(['http', 'https', 'tcp'], { description: 'What clients speak. This version has http.' }),
      'http',
    ),
    timeouts: defaulted(ListenerTimeoutsSchema, {}),
    limits: defaulted(ListenerLimitsSchema, {}),
  },
  { title: 'Listener', description: 'An address that accepts traffic.' },
);

/** Who may do what: the part that tokens and client certificates have in common. */
const permission = {
  name: formatted('id', 'Who that is, as audit and logs say; no two have the same name.'),
  role: Type.Enum(ROLES, {
    description:
      'What is allowed. read: look. deploy: move traffic (splits, cutovers, rollbacks, mirrors, state and weight of targets). ' +
      'configure: change services, pools and targets. admin: everything. Each includes those before it.',
  }),
  scopes: Type.Optional(
    Type.Array(IdSchema, {
      minItems: 1,
      maxItems: 1_000,
      uniqueItems: true,
      description: 'The services that it is allowed for; default: all, and what concerns the whole proxy.',
    }),
  ),
};

export const TokenSchema = strictObject(
  {
    ...permission,
    sha256: Type.String({
      format: 'sha256',
      maxLength: 1024,
      // A token that was put here by mistake must not be repeated by the message about it.
      writeOnly: true,
      description: 'SHA-256 of the token, as `cutover token` prints it; the token itself is kept by whoever calls.',
    }),
    expires: Type.Optional(
      formatted('timestamp', 'From when on the token is refused, such as "2031-01-31T00:00:00Z".'),
    ),
  },
  { title: 'Token', description: 'A token that callers show as `Authorization: Bearer TOKEN`.' },
);

export const AdminClientSchema = strictObject(
  {
    ...permission,
    san: formatted(
      'subject-alt-name',
      'A subject alternative name of its certificate: "dns:NAME", "uri:URI", "email:ADDRESS" or "ip:ADDRESS".',
    ),
  },
  { title: 'AdminClient', description: 'Who shows a certificate with this name that `tls.clientCa` has signed.' },
);

export const AdminTlsSchema = strictObject(
  {
    cert: file('File with the certificate and those that lead to its authority, PEM.'),
    key: file('File with its private key, PEM; to be read by the user of the proxy alone.'),
    clientCa: Type.Optional(
      file(
        'File with the authorities of client certificates, PEM; with it, nobody connects without such a certificate.',
      ),
    ),
  },
  { title: 'AdminTls', description: 'TLS of the admin API. SIGHUP reads the files again.' },
);

/** What has to be written to open the admin API to a network without tokens or without TLS. */
export const INSECURE_PHRASE = 'I know that anyone on this network can change my routing';

export const AdminSchema = strictObject(
  {
    listen: defaulted(
      formatted(
        'admin-address',
        'Address of the admin API: "127.0.0.1:9900" or "unix:/run/cutover.sock". Addresses that other machines reach need ' +
          '`tls`, and `tokens` or `clients`.',
      ),
      ADMIN_LISTEN_DEFAULT,
    ),
    tokens: Type.Optional(
      Type.Array(TokenSchema, {
        minItems: 1,
        maxItems: 1_000,
        description:
          'Who may call. Without `tokens`, `tokensFile` and `clients` whoever reaches the address may do everything.',
      }),
    ),
    tokensFile: Type.Optional(file('File with more of the same list, YAML or JSON, mode 0600. SIGHUP reads it again.')),
    tls: Type.Optional(AdminTlsSchema),
    clients: Type.Optional(
      Type.Array(AdminClientSchema, {
        minItems: 1,
        maxItems: 1_000,
        description: 'Who may call by a client certificate instead of a token.',
      }),
    ),
    hosts: defaulted(
      Type.Array(formatted('host-header', 'A host, with or without a port.'), {
        maxItems: 100,
        description:
          'Further names that requests may have in their Host, besides localhost, the address itself and the names of the ' +
          'certificate; without a port, the one of `listen`.',
      }),
      [],
    ),
    writesPerSecond: count(
      1_000,
      100_000,
      'Calls a second that may change something, all callers together; above it 429.',
    ),
    insecure: Type.Optional(
      Type.Enum([INSECURE_PHRASE], {
        description:
          'Exactly this sentence opens an address that other machines reach without `tls` or without callers having to say who they are.',
      }),
    ),
  },
  { title: 'Admin', description: 'The admin API.' },
);

export const StateSchema = strictObject(
  {
    path: defaulted(
      text('Folder of the embedded store; "memory" keeps nothing. A relative path counts from the working directory.', {
        minLength: 1,
        maxLength: 1024,
      }),
      './data',
    ),
  },
  { title: 'State', description: 'Where what changed at run time is kept.' },
);

export const ShutdownSchema = strictObject(
  {
    announce: defaulted(
      formatted(
        'duration',
        'How long everything is still served while readiness fails and answers say `Connection: close`, so that ' +
          'whoever sends traffic here turns away by itself. A duration such as "5s".',
      ),
      '1s',
    ),
    drainTimeout: defaulted(
      formatted('duration', 'How long the end of the program waits for requests under way. A duration such as "30s".'),
      '30s',
    ),
    handOverTimeout: timeout(
      '60s',
      'How long a primary that takes over (`cutover upgrade`) may take to serve; after it, it is ended, and this one serves again.',
    ),
  },
  { title: 'Shutdown', description: 'What happens on SIGTERM, on SIGINT, and when another primary takes over.' },
);

export const ConfigSchema = strictObject(
  {
    listeners: recordOf(IdSchema, ListenerSchema, {
      description: 'The listeners by name, at least one.',
      minProperties: 1,
      maxProperties: 64,
    }),
    admin: defaulted(AdminSchema, {}),
    state: defaulted(StateSchema, {}),
    workers: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1024,
        description: 'Worker processes; 0: everything in one process; default: one per core.',
      }),
    ),
    trustedProxies: defaulted(
      Type.Array(formatted('cidr', 'A CIDR block or an address.'), {
        maxItems: 10_000,
        description: 'Peers whose X-Forwarded-*, Forwarded and X-Real-IP fields count.',
      }),
      [],
    ),
    shutdown: defaulted(ShutdownSchema, {}),
    services: defaulted(
      recordOf(IdSchema, ServiceSchema, { description: 'The services by name.', maxProperties: 10_000 }),
      {},
    ),
  },
  { title: 'Config', description: 'The configuration file.' },
);

export type TargetDocument = Static<typeof TargetSchema>;
export type TargetConfig = Complete<typeof TargetSchema>;
export type PoolDocument = Static<typeof PoolSchema>;
export type PoolConfig = Complete<typeof PoolSchema>;
/** Pool name → percent. */
export type Split = Static<typeof SplitSchema>;
export type HealthDocument = Static<typeof HealthSchema>;
export type HealthConfig = Complete<typeof HealthSchema>;
export type RuleDocument = Static<typeof RuleSchema>;
export type RuleConfig = Complete<typeof RuleSchema>;
export type MirrorDocument = Static<typeof MirrorSchema>;
export type MirrorConfig = Complete<typeof MirrorSchema>;
export type ServiceDocument = Static<typeof ServiceSchema>;
export type ServiceConfig = Complete<typeof ServiceSchema> & { readonly split: Readonly<Split> };
export type ListenerDocument = Static<typeof ListenerSchema>;
export type ListenerConfig = Complete<typeof ListenerSchema>;
export type AdminDocument = Static<typeof AdminSchema>;
export type AdminConfig = Complete<typeof AdminSchema>;
export type TokenConfig = Complete<typeof TokenSchema>;
export type AdminClientConfig = Complete<typeof AdminClientSchema>;
export type ConfigDocument = Static<typeof ConfigSchema>;
export type Config = Omit<Complete<typeof ConfigSchema>, 'services'> & {
  readonly services: Readonly<Record<string, ServiceConfig>>;
};
