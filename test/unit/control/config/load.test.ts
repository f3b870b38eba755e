import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { loadConfig, parseConfig } from '../../../../src/control/config/load.ts';

/** A configuration whose only service is written between the lines; its first line is line 5. */
function withService(...lines: string[]): string {
  return [
    'listeners:',
    '  web: { listen: "127.0.0.1:8080" }',
    'services:',
    '  shop:',
    ...lines.map((line) => `    ${line}`),
  ].join('\n');
}

const POOLS = ['pools:', '  blue: { targets: [ { url: "http://127.0.0.1:3001" } ] }', '  green: {}'];
const SPLIT = 'split: { blue: 100 }';

/** As `withService`, with two pools and a split in lines 5 to 8. */
function withRest(...lines: string[]): string {
  return withService(...POOLS, SPLIT, ...lines);
}

/** As `withService`, with one pool whose targets are written between the lines; the first is in line 8. */
function withTargets(...lines: string[]): string {
  return withService('pools:', '  blue:', '    targets:', ...lines.map((line) => `      - ${line}`));
}

const DIGEST = 'a'.repeat(64);
const LEAST = 'listeners: { web: { listen: "127.0.0.1:8080" } }';

interface Case {
  readonly what: string;
  readonly text: string;
  /** Line, pointer and a part of the message of each problem, in order. */
  readonly problems: readonly (readonly [line: number, path: string, message: string])[];
}

const CASES: readonly Case[] = [
  // The text
  { what: 'an empty file', text: '', problems: [[1, '', 'must be an object; it is empty']] },
  { what: 'broken YAML', text: 'listeners: [1\nadmin: {}\n', problems: [[2, '', 'is not valid YAML or JSON']] },
  {
    what: 'broken JSON',
    text: '{\n"listeners": {},\n"admin" }',
    problems: [
      [2, '/listeners', 'must have at least 1 entry'],
      [3, '/admin', 'must be an object; it is empty'],
    ],
  },
  { what: 'two documents', text: `${LEAST}\n---\n${LEAST}`, problems: [[2, '', 'holds a second document']] },
  { what: 'an unknown tag', text: 'listeners: !file {}', problems: [[1, '', 'Unresolved tag: !file']] },
  { what: 'an alias of nothing', text: 'listeners:\n  web: *nothing\n', problems: [[2, '', 'Unresolved alias']] },
  {
    what: 'a field given twice',
    text: withRest('algorithm: round-robin', 'health: { rise: 1, rise: 2 }', 'algorithm: least-connections'),
    problems: [
      [10, '/services/shop/health/rise', 'the field "rise" is given twice'],
      [11, '/services/shop/algorithm', 'the field "algorithm" is given twice'],
    ],
  },
  {
    what: 'a field given twice in a list',
    text: withTargets('{ url: "http://a", weight: 1 }', '{ url: "http://b", weight: 1, weight: 2 }'),
    problems: [[9, '/services/shop/pools/blue/targets/1/weight', 'the field "weight" is given twice']],
  },
  {
    what: 'names that objects have by themselves',
    text: `${LEAST}\nservices:\n  __proto__: { pools: { a: {} } }\n  constructor: { pools: { a: {} } }`,
    problems: [
      [3, '/services/__proto__', 'the name "__proto__" must be'],
      [4, '/services/constructor', 'reserved word'],
    ],
  },

  // Its form
  {
    what: 'an unknown field',
    text: withRest('timeouts:', '  conect: 1s'),
    problems: [[10, '/services/shop/timeouts/conect', 'unknown field "conect"; did you mean "connect"?']],
  },
  {
    what: 'a missing field',
    text: withTargets('{ weight: 1 }'),
    problems: [[8, '/services/shop/pools/blue/targets/0/url', 'is missing']],
  },
  { what: 'no listener', text: 'services: {}', problems: [[1, '/listeners', 'is missing']] },
  {
    what: 'an empty set of listeners',
    text: 'listeners: {}',
    problems: [[1, '/listeners', 'must have at least 1 entry']],
  },
  {
    what: 'a wrong type',
    text: `${LEAST}\nworkers: two`,
    problems: [[2, '/workers', 'must be a whole number; it is "two"']],
  },
  {
    what: 'a number out of range',
    text: `${LEAST}\nworkers: -1`,
    problems: [[2, '/workers', 'must be from 0 to 1024; it is -1']],
  },
  {
    what: 'a version that YAML reads as a number',
    text: withService('pools:', '  blue:', '    version: 1.10'),
    problems: [[7, '/services/shop/pools/blue/version', 'must be a string; it is 1.1 (put it in quotes)']],
  },
  {
    what: 'an empty value',
    text: withRest('timeouts:'),
    problems: [[9, '/services/shop/timeouts', 'must be an object; it is empty']],
  },
  {
    what: 'a bad name',
    text: `${LEAST}\nservices:\n  Shop: { pools: { a: {} } }`,
    problems: [[3, '/services/Shop', 'the name "Shop" must be']],
  },
  {
    what: 'a bad duration',
    text: withRest('health:', '  interval: 2'),
    problems: [[10, '/services/shop/health/interval', 'must be a duration such as']],
  },
  {
    what: 'a timeout of nothing',
    text: withRest('health:', '  timeout: 0s'),
    problems: [[10, '/services/shop/health/timeout', 'must be more than 0']],
  },
  {
    what: 'a bad size',
    text: withRest('limits: { responseHead: 64KB }'),
    problems: [[9, '/services/shop/limits/responseHead', 'must be a size such as']],
  },
  {
    what: 'an unknown algorithm',
    text: withRest('algorithm: round_robin'),
    problems: [[9, '/services/shop/algorithm', 'did you mean "round-robin"?']],
  },
  {
    what: 'a setting that no algorithm has',
    text: withRest('algorithm: { name: rendezvous, kye: path }'),
    problems: [[9, '/services/shop/algorithm/kye', 'did you mean "key"?']],
  },
  {
    what: 'a key that no request has',
    text: withRest('algorithm: { name: rendezvous, key: query }'),
    problems: [[9, '/services/shop/algorithm/key', 'must be "header:NAME", "cookie:NAME", "client-ip" or "path"']],
  },
  {
    what: "another algorithm's settings",
    text: withRest('algorithm: { name: round-robin, key: path, decay: 5s }'),
    problems: [
      [9, '/services/shop/algorithm/key', 'is a setting of rendezvous, and the algorithm is round-robin'],
      [9, '/services/shop/algorithm/decay', 'is a setting of p2c and least-time, and the algorithm is round-robin'],
    ],
  },
  {
    what: 'an algorithm that is a number',
    text: withRest('algorithm: 5'),
    problems: [[9, '/services/shop/algorithm', 'must be']],
  },
  {
    what: 'a listener without an address',
    text: 'listeners:\n  web:\n    listen: ":8080"',
    problems: [[3, '/listeners/web/listen', 'must name an address: "0.0.0.0:8080"']],
  },
  {
    what: 'a target over TLS',
    text: withTargets('{ url: "https://a:443" }'),
    problems: [[8, '/services/shop/pools/blue/targets/0/url', 'https to targets is not available in this version']],
  },
  {
    what: 'an unknown affinity key',
    text: withRest('affinity: { key: ["cookie:uid", "ip"] }'),
    problems: [[9, '/services/shop/affinity/key/1', 'must be "cookie:NAME", "header:NAME" or "client-ip"']],
  },
  {
    what: 'an issued cookie that is no key, and what its name is close to',
    text: withRest('affinity: { key: ["cookie:uid", "header:x-user"], issue: { cookie: ui } }'),
    problems: [
      [
        9,
        '/services/shop/affinity/issue/cookie',
        'is none of the keys, so that it would tell nothing; did you mean "uid"?',
      ],
    ],
  },
  {
    what: 'an issued cookie that no key is like',
    text: withRest('affinity: { key: ["client-ip"], issue: { cookie: uid } }'),
    problems: [[9, '/services/shop/affinity/issue/cookie', 'put "cookie:uid" into "key"']],
  },
  {
    what: 'an issued cookie behind the address, which every request has',
    text: withRest('affinity: { key: ["client-ip", "cookie:uid"], issue: { cookie: uid } }'),
    problems: [[9, '/services/shop/affinity/key/0', 'would never be issued; put "cookie:uid" before it']],
  },
  {
    what: 'an issued cookie with the name of the session',
    text: withRest('affinity: { key: ["cookie:c"], issue: { cookie: c } }', 'sticky: { cookie: c }'),
    problems: [[9, '/services/shop/affinity/issue/cookie', 'is the name of the sticky cookie too']],
  },
  {
    what: 'cookie attributes that would end the attribute, or never match',
    text: withRest('sticky: { cookie: "a;b", path: "/x; Domain=evil.test", domain: ".shop.test", maxAge: 30 }'),
    problems: [
      [9, '/services/shop/sticky/cookie', 'must be an HTTP token'],
      [9, '/services/shop/sticky/path', 'must be a path without ";"'],
      [9, '/services/shop/sticky/domain', 'must not begin with "."'],
      [9, '/services/shop/sticky/maxAge', 'must be'],
    ],
  },
  {
    what: 'a cookie domain that browsers would refuse from one of the hosts',
    text: withRest(
      'match: { hosts: ["a.shop.test", "*.shop.test", "shop.example"] }',
      'sticky: { cookie: c, domain: shop.test }',
    ),
    problems: [[10, '/services/shop/sticky/domain', 'browsers refuse it from "shop.example"']],
  },
  {
    what: 'a __Host- cookie with a path',
    text: withRest('sticky: { cookie: __Host-c, path: /x }'),
    problems: [[9, '/services/shop/sticky/path', 'must be left out']],
  },
  {
    what: 'a misspelt word for what a cutover does to sessions',
    text: withRest('sticky: { cookie: c, onCutover: stay }'),
    problems: [[9, '/services/shop/sticky/onCutover', 'move']],
  },
  {
    what: 'a share of three decimals',
    text: withService(...POOLS, 'split:', '  blue: 99.999', '  green: 0.001'),
    problems: [
      [9, '/services/shop/split/blue', 'at most two decimals'],
      [10, '/services/shop/split/green', 'at most two decimals'],
    ],
  },
  {
    what: 'a bad block of addresses',
    text: `${LEAST}\ntrustedProxies:\n  - 10.0.0.0/8\n  - 10.0.0.0/40`,
    problems: [[4, '/trustedProxies/1', 'must be a CIDR block or an address']],
  },

  // Its meaning
  {
    what: 'a listener of https without certificates',
    text: 'listeners:\n  web:\n    listen: "127.0.0.1:8443"\n    protocol: https',
    problems: [[2, '/listeners/web', 'speaks https and needs tls: { certificates: [ { cert: FILE, key: FILE } ] }']],
  },
  {
    what: 'a listener of http with certificates',
    text: 'listeners:\n  web:\n    listen: "127.0.0.1:8080"\n    tls: { certificates: [ { cert: a, key: b } ] }',
    problems: [[4, '/listeners/web/tls', 'is for protocol https, and this listener speaks http']],
  },
  {
    what: 'two listeners at one address',
    text: 'listeners:\n  web: { listen: "0.0.0.0:8080" }\n  more: { listen: "127.0.0.1:8080" }',
    problems: [[3, '/listeners/more/listen', 'is the address of the listener "web" already']],
  },
  {
    what: 'a listener at the address of the admin API',
    text: 'listeners:\n  web: { listen: "[::]:9900" }',
    problems: [[1, '/admin/listen', 'is the address of the listener "web" already']],
  },
  {
    what: 'an admin API that everyone reaches',
    text: `${LEAST}\nadmin: { listen: "0.0.0.0:9900" }`,
    problems: [[2, '/admin/listen', 'needs admin.tls and admin.tokens (or admin.clients)']],
  },
  {
    what: 'an admin API in a network without TLS',
    text: `${LEAST}\nadmin: { listen: "10.0.0.1:9900", tokensFile: /run/tokens.yaml }`,
    problems: [[2, '/admin/listen', 'needs admin.tls. ']],
  },
  {
    what: 'an admin API in a network whose callers need not say who they are',
    text: `${LEAST}\nadmin: { listen: "[::]:9900", tls: { cert: c.pem, key: k.pem } }`,
    problems: [[2, '/admin/listen', 'needs admin.tokens (or admin.clients). ']],
  },
  {
    what: 'nearly the sentence that opens the admin API',
    text: `${LEAST}\nadmin: { listen: "0.0.0.0:9900", insecure: true }`,
    problems: [
      [2, '/admin/listen', 'needs admin.tls and admin.tokens'],
      [2, '/admin/insecure', 'must be "I know that anyone on this network can change my routing"; it is true'],
    ],
  },
  {
    what: 'client certificates that nobody is asked for',
    text: `${LEAST}\nadmin: { clients: [{ name: ci, san: "dns:ci", role: deploy }], tls: { cert: c.pem, key: k.pem } }`,
    problems: [[2, '/admin/clients', 'need tls.clientCa']],
  },
  {
    what: 'client certificates that nobody has a role for',
    text: `${LEAST}\nadmin: { tls: { cert: c.pem, key: k.pem, clientCa: ca.pem } }`,
    problems: [[2, '/admin/tls/clientCa', 'nobody has a role']],
  },
  {
    what: 'one name and one token for two',
    text: `${LEAST}\nadmin:\n  tokens:\n    - { name: ci, sha256: ${DIGEST}, role: read }\n    - { name: ci, sha256: ${DIGEST}, role: admin }`,
    problems: [
      [5, '/admin/tokens/1/name', 'is the name of /tokens/0 already'],
      [5, '/admin/tokens/1/sha256', 'is that of /tokens/0 already'],
    ],
  },
  {
    what: 'a token itself where its digest belongs',
    text: `${LEAST}\nadmin: { tokens: [{ name: ci, sha256: ctv_secret, role: read }] }`,
    problems: [
      [
        2,
        '/admin/tokens/0/sha256',
        'must be the SHA-256 of a token, 64 digits of 0-9 and a-f; "cutover token" makes a token and prints it',
      ],
    ],
  },
  {
    what: 'several pools without a split',
    text: withService(...POOLS),
    problems: [
      [
        4,
        '/services/shop/split',
        'is missing: with several pools, say the share of each, such as { blue: 100, green: 0 }',
      ],
    ],
  },
  {
    what: 'a split that does not sum up',
    text: withService(...POOLS, 'split: { blue: 90, green: 5.5 }'),
    problems: [[8, '/services/shop/split', 'sums to 95.5; the shares must sum to 100']],
  },
  {
    what: 'a split of an unknown pool',
    text: withService(...POOLS, 'split:', '  blue: 90', '  gren: 10'),
    problems: [[10, '/services/shop/split/gren', 'there is no pool "gren"; did you mean "green"?']],
  },
  {
    what: 'a rule for an unknown pool',
    text: withRest('rules:', '  - { name: a, when: { clientIp: ["::1"] }, pool: testing }'),
    problems: [[10, '/services/shop/rules/0/pool', 'there is no pool "testing"; the pools are "blue", "green"']],
  },
  {
    what: 'a rule without a condition',
    text: withRest('rules:', '  - name: a', '    when: { headers: {}, clientIp: [] }', '    pool: green'),
    problems: [[11, '/services/shop/rules/0/when', 'has no condition']],
  },
  {
    what: 'two rules of one name',
    text: withRest(
      'rules:',
      '  - { name: a, when: { headers: { x: y } }, pool: green }',
      '  - { name: a, when: { headers: { x: z } }, pool: green }',
    ),
    problems: [[11, '/services/shop/rules/1/name', 'is the name of rule 0 already']],
  },
  {
    what: 'a mirror to an unknown pool',
    text: withRest('mirror:', '  pool: gren'),
    problems: [[10, '/services/shop/mirror/pool', 'there is no pool "gren"; did you mean "green"?']],
  },
  {
    what: 'one target twice',
    text: withTargets('{ url: "http://app" }', '{ url: "http://App:80/" }'),
    problems: [[9, '/services/shop/pools/blue/targets/1/url', 'is the target app:80 again, which is entry 0']],
  },
  {
    what: 'a target that is a listener',
    text: withTargets('{ url: "http://localhost:8080" }'),
    problems: [
      [
        8,
        '/services/shop/pools/blue/targets/0/url',
        'must not be the listener "web" (127.0.0.1:8080) of this proxy itself',
      ],
    ],
  },
  {
    what: 'a target that is the admin API, in another spelling',
    text: withTargets('{ url: "http://[::ffff:7f00:1]:9900" }', '{ url: "http://app:9900" }'),
    problems: [[8, '/services/shop/pools/blue/targets/0/url', 'must not be the admin API (127.0.0.1:9900)']],
  },
  {
    what: 'a target that gives out credentials',
    text: withTargets('{ url: "http://169.254.169.254" }'),
    problems: [[8, '/services/shop/pools/blue/targets/0/url', 'link-local']],
  },
  {
    what: 'two services for every request',
    text: `${LEAST}\nservices:\n  a: { pools: { a: {} } }\n  b:\n    pools: { b: {} }\n    match: { pathPrefix: "/" }`,
    problems: [[6, '/services/b/match', 'claims every host with the path prefix "/", as the service "a" does']],
  },
  {
    what: 'two services for one host and path',
    text: [
      LEAST,
      'services:',
      '  a: { pools: { a: {} }, match: { hosts: ["x.com", "*.y.com"], pathPrefix: "/api" } }',
      '  b: { pools: { b: {} }, match: { hosts: ["x.com", "*.y.com"] } }',
      '  c:',
      '    pools: { c: {} }',
      '    match:',
      '      pathPrefix: /api/',
      '      hosts: [ "z.com", "*.y.com" ]',
    ].join('\n'),
    problems: [
      [9, '/services/c/match/hosts/1', 'claims "*.y.com" with the path prefix "/api", as the service "a" does'],
    ],
  },
];

describe('a configuration', () => {
  it.each(CASES)('with $what is refused, with path and line', ({ text, problems }) => {
    const loaded = parseConfig(text);
    expect(loaded.config).toBeNull();
    expect(loaded.problems.map(({ line, path: pointer, message }) => [line, pointer, message])).toEqual(
      problems.map(([line, pointer, message]) => [line, pointer, expect.stringContaining(message)]),
    );
  });

  it('with faults of every kind has all of them listed at once, in the order of the file', () => {
    const text = [
      'listeners:',
      '  web: { listen: "127.0.0.1:8080", protocl: http }',
      'workers: many',
      'services:',
      '  a:',
      '    pools: { blue: {}, green: {} }',
      '    split: { blue: 60, green: 30 }',
      '    timeouts: { connect: soon }',
      '  b:',
      '    match: { hosts: ["b.com"] }',
      '    pools: { main: { targets: [ { url: "gopher://x" } ] } }',
      '    mirror: { pool: main, pool: main }',
      '  c:',
      '    match: { hosts: ["c.com"] }',
      '    pools: { main: {} }',
      '    mirror: { pool: mian }',
    ].join('\n');
    expect(parseConfig(text).problems.map((problem) => `${problem.line} ${problem.path}`)).toEqual([
      '2 /listeners/web/protocl',
      '3 /workers',
      '7 /services/a/split',
      '8 /services/a/timeouts/connect',
      '11 /services/b/pools/main/targets/0/url',
      '12 /services/b/mirror/pool',
      '16 /services/c/mirror/pool',
    ]);
  });

  it.each([
    ['no listener is right', 'listeners: { web: { listn: "127.0.0.1:8080" } }', '/listeners/web/listen'],
    ['there is none', 'workers: 2', '/listeners'],
  ])('where %s, still has the faults of its services listed', (_, first, listeners) => {
    const text = [
      first,
      'services:',
      '  a:',
      '    pools: { blue: { targets: [ { url: "gopher://x" } ] }, green: { targets: [ { weight: 1 } ] } }',
      '    split: { blue: 50, gren: 50 }',
      '    rules: [ { name: 5 } ]',
      '    health: { intervall: 2s }',
      '    mirror: { pool: blu }',
    ].join('\n');
    const paths = parseConfig(text).problems.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining([listeners]));
    expect(paths.filter((path) => path.startsWith('/services'))).toEqual([
      '/services/a/pools/blue/targets/0/url',
      '/services/a/pools/green/targets/0/url',
      '/services/a/split/gren',
      '/services/a/rules/0/when',
      '/services/a/rules/0/name',
      '/services/a/health/intervall',
      '/services/a/mirror/pool',
    ]);
  });

  it('with one fault is not said to have more, because what is at fault was left out of the check', () => {
    const text = withService(
      'pools: { blue: { version: 7 }, green: { targets: yes } }',
      'split: { blue: 50, green: 50.001 }',
    );
    expect(parseConfig(text).problems.map((problem) => problem.path)).toEqual([
      '/services/shop/pools/blue/version',
      '/services/shop/pools/green/targets',
      '/services/shop/split/green',
    ]);
  });

  it('has the column of the value, or of the name where that is at fault', () => {
    const [name, value] = parseConfig('listeners: { web: { listn: 1, listen: "8080" } }').problems;
    expect(name).toMatchObject({ column: 21, path: '/listeners/web/listn' });
    expect(value).toMatchObject({ column: 39, path: '/listeners/web/listen' });
  });

  it('may be JSON, also with tabs', () => {
    const { config } = parseConfig('{\n\t"listeners": {\n\t\t"web": { "listen": "127.0.0.1:0" }\n\t}\n}');
    expect(config).toEqual({ listeners: { web: { listen: '127.0.0.1:0' } } });
  });

  it('is given as it was written, without defaults', () => {
    const { config } = parseConfig(withRest());
    expect(config?.services?.['shop']).toEqual({
      pools: { blue: { targets: [{ url: 'http://127.0.0.1:3001' }] }, green: {} },
      split: { blue: 100 },
    });
  });

  it('may say a thing once and use it twice, which makes two things', () => {
    const { config } = parseConfig('listeners:\n  a: &a { listen: "127.0.0.1:0" }\n  b: *a\n');
    expect(config?.listeners['b']).toEqual({ listen: '127.0.0.1:0' });
    expect(config?.listeners['b']).not.toBe(config?.listeners['a']);
  });

  it('that is small and stands for something huge is refused', () => {
    const levels = Array.from(
      { length: 9 },
      (_, i) =>
        `l${i}: &l${i} [${
          i === 0
            ? 'x'
            : Array(9)
                .fill(`*l${i - 1}`)
                .join(',')
        }]`,
    );
    expect(parseConfig(levels.join('\n')).problems).toMatchObject([
      { message: expect.stringContaining('resource exhaustion') },
    ]);
  });

  it('that is nested without end is refused', () => {
    const { problems } = parseConfig('['.repeat(50_000));
    expect(problems[0]?.message).toBe('is nested too deeply');
    expect(problems.length).toBeLessThan(10);
  });
});

describe('a configuration file', () => {
  it('is read', async () => {
    const file = await writeTemporary('cutover.yaml', LEAST);
    expect(await loadConfig(file)).toEqual({
      config: { listeners: { web: { listen: '127.0.0.1:8080' } } },
      modules: [],
      problems: [],
    });
  });

  it('that is not there is a problem like any other', async () => {
    const file = path.join(path.dirname(await writeTemporary('x', '')), 'missing.yaml');
    expect(await loadConfig(file)).toEqual({
      config: null,
      problems: [{ path: '', line: 1, column: 1, message: 'cannot be read: there is no such file' }],
    });
  });

  it('that is a folder is refused', async () => {
    const folder = path.dirname(await writeTemporary('x', ''));
    expect((await loadConfig(folder)).problems[0]?.message).toBe('cannot be read: it is a folder');
  });

  it('that is no text is refused', async () => {
    const file = await writeTemporary('binary', Buffer.from([0xff, 0xfe, 0x00]));
    expect((await loadConfig(file)).problems[0]?.message).toBe('is not text in UTF-8');
  });

  it('may start with a byte order mark', async () => {
    const file = await writeTemporary('bom.yaml', `\ufeff${LEAST}`);
    expect((await loadConfig(file)).problems).toEqual([]);
  });
});

describe('the examples', () => {
  it.each(['minimal.yaml', 'full.yaml', 'tcp.yaml'])('%s is valid', async (name) => {
    const file = path.join(import.meta.dirname, '../../../../config', name);
    expect((await loadConfig(file)).problems).toEqual([]);
  });
});

async function writeTemporary(name: string, content: string | Buffer): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cutover-config-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = path.join(folder, name);
  await writeFile(file, content);
  return file;
}
