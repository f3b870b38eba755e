/**
 * docs/reference/config.md, made from the schema. What a field means, what it is without being set and how far it may go
 * comes from src/schema/config.ts alone; here are the examples, which are held against the same schema.
 */
import type { TSchema } from 'typebox';
import { parse } from 'yaml';

import { createAjv } from '../src/schema/ajv.ts';
import { ConfigSchema } from '../src/schema/config.ts';
import { PathMatchSchema, ValueMatchSchema } from '../src/schema/text-match.ts';
import { FORMATS, type FormatName } from '../src/schema/formats.ts';

/** What the page reads of a schema. */
interface Shape {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Shape | boolean;
  readonly propertyNames?: Shape;
  readonly items?: Shape;
  /** What a text may be, and what else there may be in its place. */
  readonly then?: Shape;
  readonly else?: Shape;
  readonly enum?: readonly string[];
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
}

interface Section {
  /** Where it stands in a file, such as `services.SERVICE.health`; "" for the file itself. */
  readonly at: string;
  readonly shape: Shape;
}

interface ValueKind {
  readonly name: string;
  readonly meaning: string;
  readonly example: string;
}

/** How each format is called on the page, and written. */
const KINDS: Readonly<Record<FormatName, ValueKind>> = {
  id: {
    name: 'name',
    meaning: '1 to 63 characters of a-z, 0-9, ".", "_" and "-", the first a letter or digit.',
    example: 'blue',
  },
  duration: {
    name: 'duration',
    meaning: 'A number with the unit ms, s, m or h, in whole milliseconds; at most 596h.',
    example: '250ms',
  },
  rate: {
    name: 'rate',
    meaning: 'Events per second, minute or hour: a whole number above 0 with /s, /m or /h; at most 1000000/s.',
    example: '100/s',
  },
  timeout: { name: 'duration above 0', meaning: 'A duration that is not 0.', example: '30s' },
  'timeout-or-none': {
    name: 'duration above 0, or none',
    meaning: 'A duration that is not 0, or "none" for no limit.',
    example: '5m',
  },
  size: { name: 'size', meaning: 'A whole number with the unit B, KiB, MiB or GiB.', example: '64KiB' },
  limit: { name: 'size above 0', meaning: 'A size that is not 0.', example: '1MiB' },
  'limit-or-none': {
    name: 'size above 0, or none',
    meaning: 'A size that is not 0, or "none" for no limit.',
    example: 'none',
  },
  'listen-address': {
    name: 'address',
    meaning: 'Host or IP address, and port; IPv6 in brackets; port 0 is any free one.',
    example: '0.0.0.0:8080',
  },
  'admin-address': {
    name: 'address or socket',
    meaning: 'An address, or "unix:" with an absolute path of at most 107 bytes.',
    example: 'unix:/run/cutover.sock',
  },
  'target-url': {
    name: 'target URL',
    meaning: '"http://", a host or IP address, and a port (80 where none is given); nothing behind it.',
    example: 'http://127.0.0.1:3001',
  },
  'host-pattern': {
    name: 'host pattern',
    meaning: 'A host in lower case without a port, or "*." and a host for everything below it.',
    example: '*.shop.example.com',
  },
  'path-prefix': {
    name: 'path prefix',
    meaning: 'Begins with "/"; no query, no "." or ".." segments.',
    example: '/api',
  },
  'request-path': { name: 'path', meaning: 'Begins with "/"; as it is sent, query included.', example: '/healthz' },
  cidr: { name: 'CIDR block', meaning: 'An IP address, or a block of them.', example: '10.0.0.0/8' },
  'field-name': { name: 'field name', meaning: 'The name of a header field in lower case.', example: 'x-group' },
  'field-value': {
    name: 'field value',
    meaning: 'The whole value of a header field, as it is sent.',
    example: 'beta',
  },
  token: {
    name: 'token',
    meaning: "Letters, digits and !#$%&'*+-.^_`|~ (RFC 9110 section 5.6.2).",
    example: 'websocket',
  },
  'affinity-key': {
    name: 'affinity key',
    meaning: '"cookie:NAME", "header:NAME" or "client-ip".',
    example: 'cookie:uid',
  },
  'max-age-or-none': {
    name: 'age, or none',
    meaning: 'A whole number with the unit s, m, h or d, above 0 and at most 400d; or "none".',
    example: '30d',
  },
  'cookie-domain': {
    name: 'domain',
    meaning: 'A host name in lower case, without a port, a wildcard or a leading dot.',
    example: 'example.com',
  },
  'cookie-path': {
    name: 'cookie path',
    meaning: 'Begins with "/"; no ";", no spaces.',
    example: '/shop',
  },
  'hash-key': {
    name: 'hash key',
    meaning: '"header:NAME", "cookie:NAME", "client-ip" or "path".',
    example: 'header:x-user',
  },
  'status-range': {
    name: 'status',
    meaning: 'A status code, or two with "-" between them, both included.',
    example: '200-299',
  },
  'error-status': {
    name: 'error status',
    meaning: 'A status from 400 to 599, or "4xx" or "5xx" for all of them.',
    example: '503',
  },
  'host-header': {
    name: 'host',
    meaning: 'A host or IP address, with or without a port.',
    example: 'shop.example.com',
  },
  sha256: {
    name: 'SHA-256',
    meaning: '64 digits of 0-9 and a-f, as `cutover token` prints it.',
    example: '0c5c6cc2f1bd4a0bbcb4c1a1e9f7b2b3f9b7ce1f2ad7b1ccf7f1c1a0e4d8b6a2',
  },
  timestamp: {
    name: 'time',
    meaning: 'Date, time and time zone (RFC 3339).',
    example: '2031-01-31T00:00:00Z',
  },
  function: {
    name: 'function',
    meaning: 'The path of a module, "#", and the name of a function that it exports.',
    example: './rules.ts#isTester',
  },
  regex: {
    name: 'regular expression',
    meaning:
      'Of JavaScript, but without back-references, look-around and word borders; "(?i)" at the start ignores case.',
    example: '^/v[12]/',
  },
  'cidr-or-name': {
    name: 'CIDR block or address set',
    meaning: 'A CIDR block, or the name of an address set.',
    example: 'office',
  },
  'path-glob': {
    name: 'path glob',
    meaning:
      'A path in which * stands for anything within a segment, ** for anything, ? for one character of a segment.',
    example: '/api/*/users',
  },
  location: {
    name: 'location',
    meaning: 'A path, or an http or https URL; names in braces stand for parts of the request.',
    example: 'https://{host}{uri}',
  },
  'path-template': {
    name: 'path template',
    meaning: 'A path in which {path} and {rest} stand for those of the request.',
    example: '/v2{rest}',
  },
  query: { name: 'query', meaning: 'As it is sent, without "?".', example: 'page=1' },
  hours: { name: 'hours', meaning: 'Two times of the day; the second is not part of it.', example: '09:00-17:00' },
  'time-zone': { name: 'time zone', meaning: 'A name of the IANA time zone database.', example: 'Europe/Berlin' },
  'subject-alt-name': {
    name: 'certificate name',
    meaning: '"dns:NAME", "uri:URI", "email:ADDRESS" or "ip:ADDRESS", exactly as the certificate has it.',
    example: 'dns:ci.example.com',
  },
};

const PERCENT: ValueKind = {
  name: 'percent',
  meaning: 'A number from 0 to 100 with at most two decimals.',
  example: '12.5',
};

/** Names that stand for whatever the operator calls a thing. */
const PLACEHOLDERS: Readonly<Record<string, string>> = {
  listeners: 'LISTENER',
  addressSets: 'SET',
  regions: 'MAP',
  jwtKeys: 'KEY',
  services: 'SERVICE',
  pools: 'POOL',
  errorPages: 'STATUS',
};

/** One example of each section, with every field that the section has. */
const EXAMPLES: Readonly<Record<string, string>> = {
  '': `
listeners: { web: { listen: "0.0.0.0:8080" } }
admin: { listen: "127.0.0.1:9900" }
state: { path: /var/lib/cutover }
workers: 4
trustedProxies: ["10.0.0.0/8"]
zone: eu-1a
shutdown: { drainTimeout: 1m }
accessLog: { path: /var/log/cutover/access.log }
addressSets: { office: { cidrs: ["203.0.113.0/24"] } }
regions: { country: { file: ./countries.txt } }
jwtKeys: { accounts: { algorithm: ES256, file: ./accounts.pem } }
services:
  shop: { pools: { blue: { targets: [ { url: "http://127.0.0.1:3001" } ] } } }`,
  'listeners.LISTENER': `
listen: "[::]:8443"
protocol: https
proxyProtocol: false
tls: { certificates: [ { cert: ./shop.pem, key: ./shop.key } ] }
http2: false
timeouts: { keepAlive: 30s }
limits: { connections: 5000 }`,
  'listeners.LISTENER.tls': `
certificates: [ { cert: ./shop.pem, key: ./shop.key }, { cert: ./blog.pem, key: ./blog.key } ]
minVersion: "1.3"`,
  'listeners.LISTENER.tls.certificates[]': `
cert: /etc/cutover/shop.pem
key: /etc/cutover/shop.key`,
  'listeners.LISTENER.timeouts': `
handshake: 5s
requestHead: 5s
keepAlive: 30s
halfClose: 2s
linger: 1s`,
  'listeners.LISTENER.limits': `
requestLine: 8KiB
head: 64KiB
fields: 200
pipelined: 128KiB
requestsPerConnection: 100000
connections: 5000
connectionsPerClient: 100
concurrentStreams: 250
loopLag: 250ms`,
  admin: `
listen: "10.0.0.5:9900"
tokens: [ { name: ci, sha256: "0c5c6cc2f1bd4a0bbcb4c1a1e9f7b2b3f9b7ce1f2ad7b1ccf7f1c1a0e4d8b6a2", role: deploy } ]
tokensFile: /etc/cutover/tokens.yaml
tls: { cert: /etc/cutover/admin.pem, key: /etc/cutover/admin.key, clientCa: /etc/cutover/clients.pem }
clients: [ { name: prometheus, san: "dns:prometheus.internal", role: read } ]
hosts: ["cutover.internal"]
writesPerSecond: 100
# Only where there is neither tls nor anybody who could listen in or call:
insecure: "I know that anyone on this network can change my routing"`,
  'admin.tokens[]': `
name: ci
role: deploy
scopes: [shop]
sha256: "0c5c6cc2f1bd4a0bbcb4c1a1e9f7b2b3f9b7ce1f2ad7b1ccf7f1c1a0e4d8b6a2"
expires: "2031-01-31T00:00:00Z"`,
  'admin.tls': `
cert: /etc/cutover/admin.pem
key: /etc/cutover/admin.key
clientCa: /etc/cutover/clients.pem`,
  'admin.clients[]': `
name: deployer
role: deploy
scopes: [shop, blog]
san: "uri:spiffe://example.com/ci/deployer"`,
  state: `
path: /var/lib/cutover`,
  accessLog: `
path: /var/log/cutover/access.log
query: true`,
  shutdown: `
announce: 5s
drainTimeout: 1m
handOverTimeout: 2m`,
  'addressSets.SET': `
cidrs: ["203.0.113.0/24", "2001:db8::/32"]
file: ./office.txt`,
  'regions.MAP': `
header: x-country
ranges: { de: ["198.51.100.0/24"], fr: ["192.0.2.0/24"] }
file: ./countries.txt`,
  'jwtKeys.KEY': `
algorithm: RS256
file: ./accounts.pem
issuer: "https://accounts.example.com"
audience: shop
leeway: 10s
# Instead of a file, and with HS256 only:
secret: "a secret of at least 32 characters, shared with whoever signs"`,
  'services.SERVICE': `
match: { hosts: ["shop.example.com"] }
pools:
  blue: { version: "1.4.0", targets: [ { url: "http://10.0.0.1:3000" }, { url: "http://10.0.0.2:3000" } ] }
  green: { version: "1.5.0", targets: [ { url: "http://10.0.0.3:3000" }, { url: "http://10.0.0.4:3000" } ] }
split: { blue: 95, green: 5 }
algorithm: { name: least-time, zone: { enough: 50 } }
health: { path: /healthz }
ejection: { failurePercent: 50 }
panicPercent: 30
slowStart: { duration: 1m }
warmUp: { requests: [ { path: / } ] }
rules: [ { name: testers, when: { headers: { x-group: beta } }, pool: green } ]
filters: [ { onRequest: { function: "./filters.ts#addTenant" } } ]
affinity: { key: ["cookie:uid"] }
sticky: { cookie: shop_target }
mirror: { pool: green, percent: 10 }
retries: { on: [connect, reused-connection, 503] }
breaker: { failurePercent: 30 }
rateLimit: { rate: 100/s }
pause: { timeout: 1m }
path: { add: /v2 }
headers: { response: { set: { x-served-by: "{target}" } } }
reverse: { names: ["shop.internal:3000"] }
errorPages: { "5xx": { text: "Please come back in a minute ({requestId})." } }
interceptErrors: [502, 503, 504]
buffering: { request: { memory: 128KiB } }
timeouts: { responseHead: 10s }
limits: { requestBody: 10MiB }
upstream: { idleConnections: 64 }
# Of a tcp listener only:
proxyProtocol: v2
upgrades: []
accessLog: false
ambiguousPaths: true`,
  'services.SERVICE.match': `
hosts: ["shop.example.com", "*.shop.example.com"]
pathPrefix: /api
listeners: [public]`,
  'services.SERVICE.pools.POOL': `
version: "1.4.0"
targets: [ { url: "http://10.0.0.1:3000" } ]`,
  'services.SERVICE.pools.POOL.targets[]': `
url: "http://10.0.0.1:3000"
weight: 2
zone: eu-1a
backup: true
state: drain`,
  'services.SERVICE.algorithm': `
name: rendezvous
key: "header:x-user"
decay: 10s
zone: { enough: 50 }
# In the place of name, key and decay:
function: "./pinning.ts#byTenant"`,
  'services.SERVICE.algorithm.zone': `
enough: 50`,
  'services.SERVICE.health': `
type: http
method: GET
path: /healthz
host: shop.example.com
headers: { authorization: "Bearer 0123456789" }
interval: 5s
downInterval: 1s
timeout: 500ms
rise: 3
fall: 2
status: [200, "300-399"]
bodyContains: '"ready":true'
initialState: down`,
  'services.SERVICE.ejection': `
unreachable: 5
failures: 10
failurePercent: 50
minimum: 50
window: 30s
duration: 10s
durationMax: 2m
maxPercent: 30`,
  'services.SERVICE.slowStart': `
duration: 1m
aggression: 2
minWeightPercent: 5`,
  'services.SERVICE.warmUp': `
requests: [ { path: / }, { path: /search } ]
perTarget: 100
connections: 4
timeout: 30s`,
  'services.SERVICE.warmUp.requests[]': `
path: /search?q=shoes
headers: { host: shop.example.com, x-warm-up: "1" }
status: [200]`,
  'services.SERVICE.rules[]': `
name: office
when: { clientIp: ["203.0.113.0/24"] }
pool: green
# With a pool or alone:
rewrite: { stripPrefix: /beta }
# Only by itself:
redirect: { location: "https://{host}{uri}" }
respond: { status: 403 }`,
  'services.SERVICE.rules[].when': `
method: [GET, HEAD]
path: { prefix: /shop }
headers: { x-group: beta, user-agent: { contains: Firefox } }
cookies: { beta: { present: true } }
query: { version: { in: ["2", "3"] } }
clientIp: ["203.0.113.0/24", "2001:db8::/32"]
region: { map: countries, in: [de, at] }
device: mobile
userGroup: { header: x-groups, in: [beta] }
time: { days: [mon, tue, wed, thu, fri], hours: "09:00-17:00", zone: Europe/Berlin }
function: "./rules.ts#isTester"
all: [ { not: { path: /shop/cart } }, { not: { path: /shop/pay } } ]
any: [ { cookies: { lang: de } }, { headers: { accept-language: { prefix: de } } } ]
not: { headers: { x-robot: { present: true } } }`,
  'services.SERVICE.rules[].when.region': `
map: countries
in: [de, at]`,
  'services.SERVICE.rules[].when.userGroup': `
# One of these three:
header: x-groups
cookie: group
jwt: { key: login, claim: groups }
in: [beta, staff]`,
  'services.SERVICE.rules[].when.userGroup.jwt': `
key: login
claim: /realm_access/roles
cookie: session`,
  'services.SERVICE.rules[].when.time': `
from: "2031-01-31T00:00:00Z"
to: "2031-02-28T00:00:00Z"
hours: "22:00-06:00"
days: [fri, sat]
zone: Europe/Berlin`,
  'services.SERVICE.rules[].redirect': `
location: "https://shop.example.com/new{rest}?{query}"
status: 308`,
  'services.SERVICE.rules[].respond': `
status: 503
body: "We are back at noon."
contentType: text/plain
headers: { retry-after: "3600" }`,
  'services.SERVICE.rules[].rewrite': `
# Either this:
path: /v2{rest}
# or these:
stripPrefix: /shop
addPrefix: /v2
query: source=shop
host: internal.example.com
setHeaders: { x-variant: b }
removeHeaders: [cookie]`,
  'services.SERVICE.filters[]': `
onRequest: { function: "./filters.ts#addTenant" }
onResponse: { function: "./filters.ts#hideVersion" }`,
  'services.SERVICE.filters[].onRequest': `
function: "./filters.ts#addTenant"`,
  'services.SERVICE.filters[].onResponse': `
function: "./filters.ts#hideVersion"`,
  'services.SERVICE.affinity': `
key: ["header:x-user", "cookie:uid"]
salt: summer-release
issue: { cookie: uid }`,
  'services.SERVICE.affinity.issue': `
cookie: uid
maxAge: 90d
domain: example.com
path: /
sameSite: strict
secure: always`,
  'services.SERVICE.sticky': `
cookie: shop_target
maxAge: 12h
domain: example.com
path: /shop
sameSite: none
secure: always
secret: "32 random characters, the same on each machine"
acceptedSecrets: ["32 random characters that signed until last week"]
onCutover: keep`,
  'services.SERVICE.mirror': `
pool: green
percent: 10
when: { path: { prefix: /search } }
unsafeMethods: true
credentials: strip
removeHeaders: [x-session-id]
concurrency: 16
bodyBytes: 0B
answerBytes: 64KiB
timeout: 1s`,
  'services.SERVICE.retries': `
tries: 2
on: [connect, reused-connection, reset, 503]
budget: { percent: 10 }
perTryTimeout: 2s
backoff: { max: 1s }
idempotencyKey: true`,
  'services.SERVICE.retries.budget': `
percent: 10
min: 5`,
  'services.SERVICE.retries.backoff': `
base: 50ms
max: 1s`,
  'services.SERVICE.breaker': `
per: [target]
failurePercent: 30
minimum: 50
window: 30s
open: 10s
recover: 20s`,
  'services.SERVICE.rateLimit': `
key: "header:x-api-key"
rate: 100/s
burst: 200
keys: 50000`,
  'services.SERVICE.pause': `
timeout: 1m
requests: 5000
bytes: 64MiB
resumeOver: 5s
healthPath: /up`,
  'services.SERVICE.path': `
strip: /api
add: /v2`,
  'services.SERVICE.headers': `
hide: [server, x-powered-by]
request: { set: { x-client: "{clientAddress}" } }
response: { remove: [x-debug] }`,
  'services.SERVICE.headers.request': `
set: { host: shop.internal, x-user-address: "{clientAddress}" }
add: { x-seen-by: "cutover/{generation}" }
remove: [x-debug]`,
  'services.SERVICE.headers.response': `
set: { strict-transport-security: "max-age=31536000", x-served-by: "{pool}/{target}" }
add: { vary: Origin }
remove: [x-debug]`,
  'services.SERVICE.reverse': `
locations: true
cookies: false
names: ["shop.internal:3000", localhost]`,
  'services.SERVICE.errorPages.STATUS': `
html: "file:pages/503.html"
json: '{"error":"{reason}","requestId":"{requestId}"}'
text: "Please come back in a minute ({requestId})."`,
  'services.SERVICE.buffering': `
request: { memory: 128KiB }
response: { disk: 64MiB }`,
  'services.SERVICE.buffering.request': `
memory: 128KiB
disk: 0B`,
  'services.SERVICE.buffering.response': `
memory: 1MiB
disk: 64MiB`,
  'services.SERVICE.timeouts': `
connect: 500ms
responseHead: 10s
requestBodyIdle: 10s
responseBodyIdle: 5m
tunnelIdle: 10m
total: 1m
queue: 2s`,
  'services.SERVICE.limits': `
requestBody: 10MiB
responseHead: 32KiB
responseFields: 100
inFlightPerTarget: 64
queue: 200`,
  'services.SERVICE.upstream': `
idleConnections: 64
idleTimeout: 30s`,
};

const INTRODUCTION = `# Configuration

This page is made from the schema (\`npm run docs\`); a test fails when it is stale.

A configuration is one file, YAML or JSON. \`cutover check --config FILE\` says whether it can be served, and if not, everything
that is wrong with it, each with its line. A field that is not on this page is an error, with a guess at what was meant.

**When a change takes effect.** \`services\` may change while the proxy runs: SIGHUP reads the file again, \`POST /v1/config\` takes a
new one, either all or nothing. SIGHUP, but not the API, also takes over who may call the admin API: \`admin.tokens\`, \`tokensFile\`,
\`clients\`, \`hosts\`, \`writesPerSecond\` and the files of \`admin.tls\`. Everything else is fixed when the process starts; a file that
differs there is refused until a restart or a \`cutover upgrade\`.

**File and run time.** What the admin API changed (splits, target states and weights, mirrors, pools, whole services) is kept in the
store, survives restarts, and wins over the file for as long as what it names still exists there.

**What must fit together**, besides what the tables say: a service of several pools has a split, shares sum to 100, and every pool that a split, rule
or mirror names exists; every condition of a rule asks something, and a rule's name stands once; a rule does something, and a redirect or an answer stands alone; a cookie that is given
out has another name than the session's, is one of the affinity's keys, and is of a domain that all hosts of the service are in; no target stands twice in a pool, is an address of
this proxy itself, or an unspecified, link-local or multicast one; no two services claim the same host and path on the same listeners; every listener that a service
names exists; a service of a \`tcp\` listener has \`tcp://\` targets, says the type of its checks, and has nothing that only HTTP has, and any other service has \`http://\` targets; no two listeners share an
address; an admin API that other machines reach has \`tls\`, and \`tokens\`, \`tokensFile\` or \`clients\`; \`clients\` need
\`tls.clientCa\`; no name, token or certificate name stands twice. \`https\` listeners
and \`https\` targets are not available in this version.`;

/** The whole page. Throws where a section has no example, or one that is wrong or leaves a field out. */
export function configReference(): string {
  const sections = sectionsOf('', ConfigSchema as unknown as Shape);
  for (const at of Object.keys(EXAMPLES)) {
    if (!sections.some((section) => section.at === at)) throw new Error(`there is an example of ${at}, which is gone`);
  }
  return `${[INTRODUCTION, kindsText(), comparisonsText(), ...sections.map(sectionText)].join('\n\n')}\n`;
}

/** The object itself, then those inside it in the order of the schema. */
function sectionsOf(at: string, shape: Shape): Section[] {
  const inner = Object.entries(shape.properties ?? {}).flatMap(([field, value]) => {
    const path = at === '' ? field : `${at}.${field}`;
    if (isElsewhere(path, value)) return [];
    if (hasSection(value)) return sectionsOf(path, value);
    if (value.else?.properties !== undefined) return sectionsOf(path, value.else);
    const items = value.items ?? {};
    if (hasSection(items)) return sectionsOf(`${path}[]`, items);
    const values = valuesOf(value);
    return values === null || !hasSection(values) ? [] : sectionsOf(`${path}.${PLACEHOLDERS[field] ?? 'NAME'}`, values);
  });
  return [{ at, shape }, ...inner];
}

/** A comparison has fields too, but only one at a time: it is described once for all places. */
function hasSection({ properties, type }: Shape): boolean {
  return properties !== undefined && !Array.isArray(type);
}

/** Where objects of a title are described that stand in several places. */
const DESCRIBED_AT: Readonly<Record<string, string>> = { Condition: 'services.SERVICE.rules[].when' };

function isElsewhere(path: string, { title = '' }: Shape): boolean {
  return Object.hasOwn(DESCRIBED_AT, title) && DESCRIBED_AT[title] !== path;
}

function valuesOf({ additionalProperties }: Shape): Shape | null {
  return typeof additionalProperties === 'object' ? additionalProperties : null;
}

function sectionText({ at, shape }: Section): string {
  const rows = Object.entries(shape.properties ?? {}).map(([name, field]) => {
    const isRequired = shape.required?.includes(name) ?? false;
    const path = at === '' ? name : `${at}.${name}`;
    const cells = [
      `\`${name}\``,
      valueText(path, field),
      defaultText(field, isRequired),
      boundsText(field),
      meaningOf(field),
    ];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return [
    `## ${at === '' ? 'The file' : `\`${at}\``}`,
    shape.description ?? '',
    ['| field | value | default | bounds | meaning |', '|---|---|---|---|---|', ...rows].join('\n'),
    `\`\`\`yaml\n${exampleOf(at, shape)}\n\`\`\``,
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function meaningOf({ description }: Shape): string {
  if (description === undefined) throw new Error('a field of the schema has no description');
  return description;
}

function valueText(path: string, shape: Shape): string {
  if (shape.then !== undefined && shape.else !== undefined) {
    return `${valueText(path, shape.then)}, or ${innerText(path, shape.else)}`;
  }
  if (shape.properties !== undefined && Array.isArray(shape.type)) return '[text or comparison](#comparisons)';
  if (shape.enum !== undefined) return shape.enum.map((value) => `\`${value}\``).join(', ');
  if (shape.format !== undefined) return kindOf(shape.format).name;
  if (shape.items !== undefined) return `list of ${innerText(`${path}[]`, shape.items)}`;
  const values = valuesOf(shape);
  if (values !== null) {
    const placeholder = PLACEHOLDERS[path.split('.').at(-1) ?? ''] ?? 'NAME';
    return `${valueText('', shape.propertyNames ?? {})} → ${innerText(`${path}.${placeholder}`, values)}`;
  }
  if (shape.properties !== undefined) return innerText(path, shape);
  switch (shape.type) {
    case 'integer':
      return 'whole number';
    case 'boolean':
      return '`true`, `false`';
    case 'string':
      return 'text';
    case 'object':
      return 'conditions';
    default:
      throw new Error(`the page has no word for ${JSON.stringify(shape.type)}`);
  }
}

/** Fields of its own have a section of their own. */
function innerText(path: string, shape: Shape): string {
  if (!hasSection(shape)) return valueText(path, shape);
  const section = DESCRIBED_AT[shape.title ?? ''] ?? path;
  // As GitHub makes anchors of headings: in lower case, with nothing but letters, digits and hyphens.
  return `[${shape.title ?? 'fields'}](#${section.toLowerCase().replaceAll(/[^a-z0-9-]/g, '')})`;
}

function kindOf(format: string): ValueKind {
  if (format === 'percent') return PERCENT;
  const kind = KINDS[format as FormatName];
  if (kind === undefined) throw new Error(`the page has no word for the format "${format}"`);
  return kind;
}

function defaultText({ default: value, properties }: Shape, isRequired: boolean): string {
  if (isRequired) return 'required';
  if (value === undefined) return 'not set';
  return properties === undefined ? `\`${JSON.stringify(value)}\`` : 'all defaults';
}

function boundsText(shape: Shape): string {
  const { minimum, maximum, minLength, maxLength, minItems, maxItems, minProperties, maxProperties } = shape;
  // The longest text of a format is more than any sensible value has: the formats themselves are the bounds.
  const lengths = shape.format === undefined ? range(minLength, maxLength, ' characters') : '';
  return [
    range(minimum, maximum, ''),
    lengths,
    range(minItems, maxItems, ' entries'),
    range(minProperties, maxProperties, ' entries'),
  ]
    .filter((text) => text !== '')
    .join(', ');
}

function range(from: number | undefined, to: number | undefined, unit: string): string {
  const number = (value: number): string => value.toLocaleString('en');
  if (from !== undefined && to !== undefined) return `${number(from)} to ${number(to)}${unit}`;
  if (from !== undefined) return `${number(from)}${unit} or more`;
  return to === undefined ? '' : `at most ${number(to)}${unit}`;
}

function kindsText(): string {
  const kinds = [...Object.values(KINDS), PERCENT];
  for (const [format, { example }] of Object.entries(KINDS)) {
    const problem = FORMATS[format as FormatName](example);
    if (problem !== null) throw new Error(`the example "${example}" of ${format} ${problem}`);
  }
  return [
    '## How values are written',
    [
      '| value | is | example |',
      '|---|---|---|',
      ...kinds.map(({ name, meaning, example }) => `| ${name} | ${meaning.replaceAll('|', '\\|')} | \`${example}\` |`),
    ].join('\n'),
  ].join('\n\n');
}

/** What stands where a text is compared: see `hasSection`. */
function comparisonsText(): string {
  const table = (title: string, { properties = {} }: Shape): string =>
    [
      `| of a ${title} | value | meaning |`,
      '|---|---|---|',
      ...Object.entries(properties).map(
        ([name, field]) => `| \`${name}\` | ${valueText('', field).replaceAll('|', '\\|')} | ${meaningOf(field)} |`,
      ),
    ].join('\n');
  return [
    '## Comparisons',
    'A plain text stands for exactly that one. Otherwise one of these, such as `{ prefix: /api }`:',
    table('path', PathMatchSchema as unknown as Shape),
    table('header field, cookie or parameter', ValueMatchSchema as unknown as Shape),
  ].join('\n\n');
}

function exampleOf(at: string, shape: Shape): string {
  const text = EXAMPLES[at]?.trim();
  if (text === undefined) throw new Error(`${at} has no example in docs/config-reference.ts`);
  const value = parse(text) as Record<string, unknown>;
  const left = Object.keys(shape.properties ?? {}).filter((field) => !Object.hasOwn(value, field));
  if (left.length > 0) throw new Error(`the example of ${at} leaves out ${left.join(', ')}`);
  const ajv = createAjv({ fillDefaults: false, allErrors: true });
  if (!ajv.validate(shape as unknown as TSchema, value)) throw new Error(`the example of ${at}: ${ajv.errorsText()}`);
  return text;
}
