/**
 * The admin API as strangers and callers of every role meet it: one table, made of the routes that there are. A route
 * without an entry below fails, and so does one that nobody has decided about in src/control/admin/access-table.ts.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';

import { ACCESS_TABLE, type Access, accessTo } from '../../src/control/admin/access-table.ts';
import { FREE_FAILURES } from '../../src/control/admin/auth-throttle.ts';
import { BODY_BYTES_MAX } from '../../src/control/admin/server.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { AdminDocument } from '../../src/schema/admin.ts';
import type { ServiceDocument } from '../../src/schema/service.ts';
import { ROLES, type Role, hasRole } from '../../src/schema/roles.ts';
import { type AdminOptions, type AdminWorld, startAdmin } from '../helpers/start-admin.ts';
import { SHOP, configOf } from '../helpers/start-control.ts';

const BLOG: ServiceDocument = {
  match: { hosts: ['blog.example.com'] },
  pools: { only: { targets: [{ url: 'http://127.0.0.1:3009' }] } },
};

/** One more than the services of `configOf` have, so that applying it changes something. */
const NEXT_CONFIG = configOf({ shop: { ...SHOP, algorithm: 'least-connections' }, blog: BLOG });

interface Call {
  readonly body?: unknown;
  /** What the route answers whoever may call it. */
  readonly status: number;
}

/** For each route a call that works. */
const CALLS: Readonly<Record<string, Call>> = {
  'GET /v1/services': { status: 200 },
  'GET /v1/services/:service': { status: 200 },
  'PUT /v1/services/:service': { body: { ...SHOP, algorithm: 'least-connections' }, status: 200 },
  'PATCH /v1/services/:service': { body: { algorithm: 'least-connections' }, status: 200 },
  'DELETE /v1/services/:service': { status: 204 },
  'GET /v1/services/:service/pools/:pool': { status: 200 },
  'PUT /v1/services/:service/pools/:pool': { body: { version: '2' }, status: 200 },
  'DELETE /v1/services/:service/pools/:pool': { status: 204 },
  'GET /v1/services/:service/pools/:pool/targets/:target': { status: 200 },
  'PATCH /v1/services/:service/pools/:pool/targets/:target': { body: { weight: 2 }, status: 200 },
  'GET /v1/services/:service/split': { status: 200 },
  'PUT /v1/services/:service/split': { body: { weights: { blue: 90, green: 10 } }, status: 200 },
  'GET /v1/services/:service/cutovers': { status: 200 },
  'POST /v1/services/:service/cutovers': { body: { to: 'green' }, status: 201 },
  'GET /v1/services/:service/cutovers/:id': { status: 200 },
  'POST /v1/services/:service/rollback': { status: 201 },
  'GET /v1/services/:service/mirror': { status: 200 },
  'PUT /v1/services/:service/mirror': { body: { pool: 'blue' }, status: 200 },
  'DELETE /v1/services/:service/mirror': { status: 204 },
  'GET /v1/services/:service/pause': { status: 200 },
  'PUT /v1/services/:service/pause': { body: { timeout: '5s' }, status: 200 },
  'DELETE /v1/services/:service/pause': { status: 204 },
  'POST /v1/changesets': {
    body: { changes: [{ method: 'PUT', path: '/v1/services/shop/split', body: { weights: { blue: 90, green: 10 } } }] },
    status: 200,
  },
  'POST /v1/explain': { body: { request: { url: 'http://shop.example.com/' } }, status: 200 },
  'GET /v1/config': { status: 200 },
  'POST /v1/config': { body: NEXT_CONFIG, status: 200 },
  'GET /v1/status': { status: 200 },
  'GET /v1/events': { status: 200 },
  'GET /v1/generations': { status: 200 },
  'GET /v1/generations/:n': { status: 200 },
  'GET /v1/workers': { status: 200 },
  'POST /v1/workers/restart': { status: 200 },
  'GET /v1/audit': { status: 200 },
  'GET /metrics': { status: 200 },
  'GET /openapi.json': { status: 200 },
  'GET /healthz': { status: 200 },
  'GET /readyz': { status: 200 },
};

const routes = Object.entries(ACCESS_TABLE).flatMap(([url, methods]) =>
  Object.entries(methods).map(([method, access]) => ({ name: `${method} ${url}`, method, url, access })),
);

const GUARDED = routes.filter(({ access }) => access !== 'open');
const WITH_BODY = GUARDED.filter(({ name }) => CALLS[name]?.body !== undefined);

// --- callers ---------------------------------------------------------------------------------------------------------

type Token = NonNullable<AdminDocument['tokens']>[number];

const secretOf = (name: string): string => `ctv_secret-of-${name}`;

function token(name: string, role: Role, more: Partial<Token> = {}): Token {
  return { name, role, sha256: createHash('sha256').update(secretOf(name)).digest('hex'), ...more };
}

interface Caller {
  readonly name: string;
  readonly role: Role;
  readonly scopes: readonly string[] | null;
}

const CALLERS: readonly Caller[] = ROLES.flatMap((role) => [
  { name: role, role, scopes: null },
  { name: `${role}-shop`, role, scopes: ['shop'] },
  { name: `${role}-blog`, role, scopes: ['blog'] },
]);

const TOKENS: readonly Token[] = [
  ...CALLERS.map(({ name, role, scopes }) => token(name, role, scopes === null ? {} : { scopes: [...scopes] })),
  token('expired', 'admin', { expires: '2020-01-01T00:00:00Z' }),
];

const ADMIN = { authorization: `Bearer ${secretOf('admin')}` };

function mayCall({ role, scopes }: Caller, access: Access): boolean {
  if (access === 'open') return true;
  if (!hasRole(role, access.role)) return false;
  if (scopes === null || access.on === 'nothing' || access.on === 'own') return true;
  // Every path below names the shop, and so does every change.
  return (access.on === 'service' || access.on === 'parts') && scopes.includes('shop');
}

// --- the world -------------------------------------------------------------------------------------------------------

interface World extends AdminWorld {
  readonly pathOf: (url: string) => string;
}

const SERVICES: Readonly<Record<string, ServiceDocument>> = {
  shop: { ...SHOP, mirror: { pool: 'blue' }, pause: {}, split: { blue: 100 } },
  blog: BLOG,
};

async function startWorld(
  admin: Omit<AdminDocument, 'listen'> = { tokens: [...TOKENS] },
  more: AdminOptions = {},
): Promise<World> {
  const workers = { restart: async () => ({ restarted: 0 }) };
  const world = await startAdmin({ ...SERVICES }, undefined, { admin, workers, ...more });
  // Something to look at and to go back to, after which green is free again.
  const moved = await plain(world, 'POST', '/v1/services/shop/cutovers', ADMIN, { to: 'green' });
  await plain(world, 'POST', '/v1/services/shop/cutovers', ADMIN, { to: 'blue' });
  const { id } = JSON.parse(moved.text) as { id: string };
  const parts: Readonly<Record<string, string>> = {
    service: 'shop',
    pool: 'green',
    target: '127.0.0.1:3002',
    id,
    n: '1',
  };
  return { ...world, pathOf: (url) => url.replaceAll(/:([a-z]+)/g, (_, part: string) => parts[part] ?? '') };
}

/** Undoes what a call has changed, so that the next caller finds it undone. */
async function putBack(world: World): Promise<void> {
  const { status } = await plain(world, 'POST', '/v1/config?runtime=discard', ADMIN, configOf({ ...SERVICES }));
  expect(status).toBe(200);
  // A service that was gone has no split before.
  await plain(world, 'POST', '/v1/services/shop/cutovers', ADMIN, { to: 'green' });
  await plain(world, 'POST', '/v1/services/shop/cutovers', ADMIN, { to: 'blue' });
}

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
  /** The code of the problem; "" for none. */
  readonly code: string;
}

/** A request with exactly these fields and this body, sent as JSON unless it says otherwise. */
async function plain(
  { admin }: Pick<AdminWorld, 'admin'>,
  method: string,
  path: string,
  headers: Readonly<Record<string, string | string[]>> = {},
  body?: unknown,
): Promise<Answer> {
  const { hostname, port } = new URL(admin.url);
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  const sent = request({ host: hostname, port, method, path, headers: { ...type, ...headers }, agent: false });
  sent.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const { statusCode: status = 0, headers: answered } = response;
  if (answered['content-type'] === 'text/event-stream') {
    sent.destroy();
    return { status, headers: answered, text: '', code: '' };
  }
  let text = '';
  for await (const chunk of response) text += String(chunk);
  const isProblem = answered['content-type'] === 'application/problem+json' && text !== '';
  const code = isProblem ? String(JSON.parse(text).type).replace('urn:cutover:problem:', '') : '';
  return { status, headers: answered, text, code };
}

const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });

// --- the tables ------------------------------------------------------------------------------------------------------

describe('the table of who may call what', () => {
  it('has every route that there is, and no other; and so has the table of calls', async () => {
    const { server } = await startWorld();
    const served = server.routes.filter(({ method }) => method !== 'HEAD').map(({ method, url }) => `${method} ${url}`);
    expect(routes.map(({ name }) => name).toSorted()).toEqual(served.toSorted());
    expect(Object.keys(CALLS).toSorted()).toEqual(served.toSorted());
  });

  it('allows to nobody what is not in it', () => {
    for (const [method, url] of [
      ['GET', '/'],
      ['GET', '/v1/nope'],
      ['DELETE', '/v1/status'],
      ['GET', 'constructor'],
      ['constructor', '/v1/status'],
      ['OPTIONS', '/v1/status'],
      ['GET', undefined],
    ] as const) {
      expect(accessTo(method, url)).toBeNull();
    }
    expect(accessTo('HEAD', '/v1/status')).toEqual(accessTo('GET', '/v1/status'));
  });

  it('leaves open to everybody nothing but the two probes', () => {
    expect(routes.filter(({ access }) => access === 'open').map(({ name }) => name)).toEqual([
      'GET /healthz',
      'GET /readyz',
    ]);
  });
});

describe('every caller on every route', () => {
  it.each(routes)('$name', async ({ name, method, url, access }) => {
    const call = CALLS[name];
    const world = await startWorld();
    const path = world.pathOf(url);
    const generation = world.dataPlane.generation;
    for (const caller of CALLERS.filter((one) => !mayCall(one, access))) {
      const { status, code } = await plain(world, method, path, bearer(secretOf(caller.name)), call?.body);
      expect([caller.name, status, code]).toEqual([caller.name, 403, 'forbidden']);
    }
    expect(world.dataPlane.generation).toBe(generation);
    for (const caller of CALLERS.filter((one) => mayCall(one, access))) {
      const { status } = await plain(world, method, path, bearer(secretOf(caller.name)), call?.body);
      expect([caller.name, status]).toEqual([caller.name, call?.status]);
      if (method !== 'GET') await putBack(world);
    }
  });
});

describe('nobody who is known', () => {
  const strangers: readonly (readonly [who: string, headers: Record<string, string | string[]>])[] = [
    ['shows nothing', {}],
    ['shows a wrong token', bearer('ctv_wrong')],
    ['shows a token that has expired', bearer(secretOf('expired'))],
    ['shows the digest of a token', bearer(TOKENS[0]?.sha256 ?? '')],
    ['shows a token in another way', { authorization: `Basic ${btoa(`admin:${secretOf('admin')}`)}` }],
    ['shows a token in two fields', { authorization: [`Bearer ${secretOf('read')}`, `Bearer ${secretOf('admin')}`] }],
    ['shows a token as a cookie', { cookie: `token=${secretOf('admin')}` }],
  ];

  it.each(strangers)('%s: 401 on every route, without a reason, and nothing changes', async (_who, headers) => {
    const world = await startWorld();
    const before = world.dataPlane.generation;
    const texts = new Set<string>();
    // Few enough to stay below the limit of wrong guesses.
    for (const { name, method, url } of GUARDED.slice(0, FREE_FAILURES - 1)) {
      const answer = await plain(world, method, world.pathOf(url), headers, CALLS[name]?.body);
      expect([name, answer.status, answer.code]).toEqual([name, 401, 'unauthorized']);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
      texts.add(answer.text.replaceAll(/[0-9a-f-]{36}/g, ''));
    }
    expect(world.dataPlane.generation).toBe(before);
    expect([...texts]).toEqual([
      '{"type":"urn:cutover:problem:unauthorized","title":"Nobody with a right to call was recognised","status":401,' +
        '"detail":"Say who you are: Authorization: Bearer TOKEN.","instance":"urn:uuid:"}',
    ]);
  });

  it.each(GUARDED)('shows nothing on $name: 401', async ({ name, method, url }) => {
    const world = await startWorld();
    const { status } = await plain(world, method, world.pathOf(url), {}, CALLS[name]?.body);
    expect(status).toBe(401);
  });

  it('learns neither which paths and methods there are, nor which services', async () => {
    const world = await startWorld();
    for (const [method, path] of [
      ['GET', '/nowhere'],
      ['DELETE', '/v1/status'],
      ['OPTIONS', '/v1/services/shop'],
      ['GET', '/v1/services/nope'],
      ['GET', '/v1/status?x=1'],
      ['HEAD', '/v1/status'],
    ] as const) {
      expect([path, (await plain(world, method, path)).status]).toEqual([path, 401]);
    }
    const scoped = bearer(secretOf('admin-blog'));
    const [there, nowhere] = await Promise.all(
      ['shop', 'nope'].map((service) => plain(world, 'GET', `/v1/services/${service}`, scoped)),
    );
    expect([there?.status, there?.code]).toEqual([nowhere?.status, nowhere?.code]);
  });

  it('shows a token in the address: 401, and it is on no record', async () => {
    const world = await startWorld();
    const { status } = await plain(world, 'GET', `/v1/status?access_token=${secretOf('admin')}`);
    expect(status).toBe(401);
    expect(JSON.stringify(await world.store.audit(1_000))).not.toContain('secret-of');
  });

  it('sends a body that nobody reads: the answer comes before it', async () => {
    const world = await startWorld();
    const { hostname, port } = new URL(world.admin.url);
    const socket = connect(Number(port), hostname);
    onTestFinished(() => void socket.destroy());
    socket.write(
      `POST /v1/config HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Type: application/json\r\nContent-Length: 4000000\r\n\r\n{`,
    );
    const [bytes] = await once(socket, 'data');
    expect(String(bytes)).toMatch(/^HTTP\/1\.1 401 /);
  });
});

it('nobody is asked for a body who will not get any further with it', async () => {
  const world = await startWorld();
  const { hostname, port } = new URL(world.admin.url);
  const ask = async (authorization: string): Promise<string> => {
    const socket = connect(Number(port), hostname);
    onTestFinished(() => void socket.destroy());
    socket.write(
      `PUT /v1/services/shop/split HTTP/1.1\r\nHost: ${hostname}:${port}\r\nExpect: 100-continue\r\n${authorization}` +
        'Content-Type: application/json\r\nContent-Length: 24\r\n\r\n',
    );
    const [bytes] = await once(socket, 'data');
    if (!String(bytes).startsWith('HTTP/1.1 100 ')) return String(bytes);
    socket.write('{"weights":{"blue":100}}');
    return `${String(bytes)}${String((await once(socket, 'data'))[0])}`;
  };
  expect(await ask('')).toMatch(/^HTTP\/1\.1 401 /);
  expect(await ask(`Authorization: Bearer ${secretOf('read')}\r\n`)).toMatch(/^HTTP\/1\.1 403 /);
  expect(await ask(`Authorization: Bearer ${secretOf('deploy')}\r\n`)).toMatch(/^HTTP\/1\.1 100 .*HTTP\/1\.1 200 /s);
});

describe('whoever guesses', () => {
  it('is made to wait after ten wrong tokens (429, Retry-After), with a right one too', async () => {
    const world = await startWorld({ tokens: [...TOKENS] });
    for (let n = 0; n < FREE_FAILURES; n++) {
      expect((await plain(world, 'GET', '/v1/status', bearer(`wrong-${n}`))).status).toBe(401);
    }
    const { status, code, headers } = await plain(world, 'GET', '/v1/status', bearer(secretOf('read')));
    expect([status, code, headers['retry-after']]).toEqual([429, 'too-many-failures', '1']);
    expect((await plain(world, 'GET', '/healthz')).status).toBe(200);
    expect(world.server.access.failures()).toContainEqual({ reason: 'unknown', count: FREE_FAILURES });
    expect(world.server.access.failures()).toContainEqual({ reason: 'throttled', count: 1 });
  });

  it('does not lock out who has come in before', async () => {
    const world = await startWorld();
    for (let n = 0; n < 2 * FREE_FAILURES; n++) await plain(world, 'GET', '/v1/status', bearer(`wrong-${n}`));
    expect((await plain(world, 'GET', '/v1/status', ADMIN)).status).toBe(200);
  });
});

describe('a token', () => {
  it('is good until the moment that it expires', async () => {
    let nowMs = Date.UTC(2030, 0, 1) - 1;
    const clock = { ...systemClock, wallMs: () => nowMs };
    const tokens = [...TOKENS, token('brief', 'read', { expires: '2030-01-01T00:00:00Z' })];
    const world = await startWorld({ tokens }, { clock });
    const status = async () => (await plain(world, 'GET', '/v1/services', bearer(secretOf('brief')))).status;
    expect(await status()).toBe(200);
    nowMs += 1;
    expect(await status()).toBe(401);
  });
});

describe('a caller with scopes', () => {
  it('sees of lists, status and events what is in them', async () => {
    const world = await startWorld();
    const blog = bearer(secretOf('read-blog'));
    const { items } = JSON.parse((await plain(world, 'GET', '/v1/services', blog)).text);
    expect(items.map(({ name }: { name: string }) => name)).toEqual(['blog']);
    const { services } = JSON.parse((await plain(world, 'GET', '/v1/status', blog)).text);
    expect(services.map(({ name }: { name: string }) => name)).toEqual(['blog']);
    expect(await eventsSeen(world, blog, 'blog')).not.toContain('shop');
    expect(await eventsSeen(world, ADMIN, 'blog')).toContain('shop');
  });

  it('gets at no other service by another spelling of its name', async () => {
    const world = await startWorld();
    for (const path of [
      '/v1/services/s%68op',
      '/v1/services/shop/',
      '/v1/services/blog/../shop',
      '/v1/services/blog%2f..%2fshop',
      '//v1/services/shop',
    ]) {
      const { status } = await plain(world, 'GET', path, bearer(secretOf('admin-blog')));
      expect([path, status >= 400]).toEqual([path, true]);
    }
    const { text } = await plain(world, 'GET', '/v1/services/b%6Cog', bearer(secretOf('admin-blog')));
    expect(JSON.parse(text).name).toBe('blog');
  });
});

/** What a watcher is shown while both services change, up to the change of `last`. */
async function eventsSeen(world: World, headers: Record<string, string>, last: string): Promise<string> {
  const { hostname, port } = new URL(world.admin.url);
  const sent = request({ host: hostname, port, path: '/v1/events', headers, agent: false });
  onTestFinished(() => void sent.destroy());
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  for (const service of ['shop', last]) {
    const patch = { timeouts: { connect: `${world.dataPlane.generation}s` } };
    expect((await plain(world, 'PATCH', `/v1/services/${service}`, ADMIN, patch)).status).toBe(200);
  }
  let text = '';
  for await (const chunk of response) {
    text += String(chunk);
    if (text.includes(`changes the service ${last}`)) return text;
  }
  return text;
}

describe('the doors that even an admin does not get through, on every route', () => {
  const wrongDoors: readonly (readonly [
    what: string,
    headers: Record<string, string>,
    status: number,
    code: string,
  ])[] = [
    ['the Host of another', { host: 'evil.example' }, 421, 'wrong-host'],
    ['the Host without its port', { host: 'localhost' }, 421, 'wrong-host'],
    ['the Origin of another', { origin: 'http://evil.example' }, 403, 'foreign-origin'],
    ['no Origin that could be said', { origin: 'null' }, 403, 'foreign-origin'],
    ['a page of another site', { 'sec-fetch-site': 'cross-site' }, 403, 'foreign-origin'],
  ];

  it.each(wrongDoors)('%s', async (_what, headers, status, code) => {
    const world = await startWorld();
    for (const { name, method, url } of routes) {
      const answer = await plain(world, method, world.pathOf(url), { ...ADMIN, ...headers }, CALLS[name]?.body);
      expect([name, answer.status, answer.code]).toEqual([name, status, code]);
      expect(Object.keys(answer.headers).filter((field) => field.startsWith('access-control'))).toEqual([]);
    }
  });

  it('a parameter that it does not take (400)', async () => {
    const world = await startWorld();
    for (const { name, method, url } of routes) {
      const answer = await plain(world, method, `${world.pathOf(url)}?nonsense=1`, ADMIN, CALLS[name]?.body);
      expect([name, answer.status, answer.code]).toEqual([name, 400, 'invalid-parameter']);
    }
  });

  it('a method that it does not know (405)', async () => {
    const world = await startWorld();
    for (const url of Object.keys(ACCESS_TABLE)) {
      const method = ['DELETE', 'PATCH', 'PUT', 'POST'].find((one) => accessTo(one, url) === null) ?? 'OPTIONS';
      const { status, headers } = await plain(world, method, world.pathOf(url), ADMIN);
      expect([url, status]).toEqual([url, 405]);
      expect(headers['allow']).not.toContain(method);
    }
  });

  const wrongBodies: readonly (readonly [what: string, type: string, body: string, status: number])[] = [
    ['as a form', 'application/x-www-form-urlencoded', 'a=b', 415],
    ['as text', 'text/plain', '{}', 415],
    ['that is not JSON', 'application/json', '{', 400],
    ['with a key twice', 'application/json', '{"a":1,"a":2}', 400],
    ['with __proto__', 'application/json', '{"__proto__":{}}', 400],
    ['with constructor', 'application/json', '{"constructor":{}}', 400],
    ['that is too deep', 'application/json', `${'['.repeat(17)}${']'.repeat(17)}`, 400],
    ['with a field that is unknown', 'application/json', '{"nonsense":1}', 422],
    ['that is too large', 'application/json', ' '.repeat(BODY_BYTES_MAX + 1), 413],
  ];

  it.each(wrongBodies)('a body %s', async (_what, type, body, expected) => {
    const world = await startWorld();
    const before = world.dataPlane.generation;
    // A configuration is read with its lines: what is wrong with its form is a wrong field of it, and it may be larger.
    const isSpecial = ({ url }: { url: string }): boolean => url === '/v1/config' && expected !== 415;
    for (const { name, method, url } of WITH_BODY.filter((route) => !isSpecial(route))) {
      const { status } = await plain(world, method, world.pathOf(url), { ...ADMIN, 'content-type': type }, body);
      expect([name, status]).toEqual([name, expected]);
    }
    expect(world.dataPlane.generation).toBe(before);
  });

  it('more writes a second than are allowed (429, Retry-After); reading goes on', async () => {
    const world = await startWorld({ tokens: [...TOKENS], writesPerSecond: 5 });
    const statuses = await Promise.all(
      Array.from({ length: 30 }, async () => (await plain(world, 'DELETE', '/v1/services/nope', ADMIN)).status),
    );
    expect(new Set(statuses)).toEqual(new Set([404, 429]));
    const { status, code, headers } = await plain(world, 'DELETE', '/v1/services/nope', ADMIN);
    if (status === 429) expect([code, headers['retry-after']]).toEqual(['too-many-writes', '1']);
    expect((await plain(world, 'GET', '/v1/status', ADMIN)).status).toBe(200);
  });
});

describe('without tokens', () => {
  it.each(routes)('$name is for whoever reaches the loopback address', async ({ name, method, url }) => {
    const world = await startWorld({});
    const { status } = await plain(world, method, world.pathOf(url), {}, CALLS[name]?.body);
    expect(status).toBe(CALLS[name]?.status);
  });
});

describe('the audit', () => {
  it('has every refusal: who, from where, what, why, and the id of the request', async () => {
    const world = await startWorld();
    const cutovers = '/v1/services/shop/cutovers';
    const refusals: readonly (readonly [Promise<Answer>, object])[] = [
      [plain(world, 'GET', '/v1/status', bearer('wrong')), { problem: 'unauthorized', service: null }],
      [
        plain(world, 'POST', cutovers, bearer(secretOf('read')), { to: 'green' }),
        {
          problem: 'forbidden',
          service: 'shop',
          actor: { kind: 'api', name: 'read', credential: 'token', address: '127.0.0.1' },
        },
      ],
      [
        plain(world, 'POST', cutovers, { ...ADMIN, host: 'evil.example' }, {}),
        { problem: 'wrong-host', actor: { kind: 'api', name: 'anonymous', address: '127.0.0.1' } },
      ],
      [plain(world, 'POST', cutovers, { ...ADMIN, origin: 'http://evil.example' }, {}), { problem: 'foreign-origin' }],
      [
        plain(world, 'POST', cutovers, { ...ADMIN, 'content-type': 'text/plain' }, '{}'),
        { problem: 'unsupported-media-type' },
      ],
      [plain(world, 'POST', cutovers, ADMIN, '{'), { problem: 'malformed-body' }],
      [plain(world, 'POST', cutovers, ADMIN, { nonsense: 1 }), { problem: 'invalid' }],
      [plain(world, 'DELETE', '/v1/status', ADMIN), { problem: 'method-not-allowed' }],
      [plain(world, 'GET', '/nowhere', ADMIN), { problem: 'no-such-path' }],
      [plain(world, 'GET', '/v1/status?x=1', ADMIN), { problem: 'invalid-parameter' }],
      [plain(world, 'GET', '/v1/services/%zz', ADMIN), { problem: 'malformed-request' }],
    ];
    for (const [answered, expected] of refusals) {
      const { text } = await answered;
      const requestId = String(JSON.parse(text).instance).replace('urn:uuid:', '');
      const entry = (await world.store.audit(1_000)).find((one) => one.requestId === requestId);
      expect(entry).toMatchObject({ kind: 'request', result: 'refused', ...expected });
      expect(entry?.detail).toMatch(/^(GET|POST|DELETE) \//);
    }
  });

  it('has a refused change once', async () => {
    const world = await startWorld();
    const { text } = await plain(world, 'POST', '/v1/services/shop/cutovers', ADMIN, { to: 'red' });
    const requestId = String(JSON.parse(text).instance).replace('urn:uuid:', '');
    const entries = (await world.store.audit(1_000)).filter((one) => one.requestId === requestId);
    expect(entries).toMatchObject([
      { kind: 'cutover', result: 'refused', actor: { name: 'admin', credential: 'token' } },
    ]);
  });

  it('has what changes no routing: a restart of the workers, which is not done where that cannot be kept', async () => {
    const world = await startWorld();
    await plain(world, 'POST', '/v1/workers/restart', bearer(secretOf('admin')));
    expect((await world.store.audit(1))[0]).toMatchObject({ kind: 'workers.restart', result: 'applied' });
    world.store.appendAudit = () => Promise.reject(new Error('disk full'));
    const { status, code } = await plain(world, 'POST', '/v1/workers/restart', ADMIN);
    expect([status, code]).toEqual([500, 'store-failed']);
  });

  it('has bytes that are no request', async () => {
    const world = await startWorld();
    const { hostname, port } = new URL(world.admin.url);
    const socket = connect(Number(port), hostname);
    socket.write('hello\r\n\r\n');
    socket.resume();
    await once(socket, 'close');
    expect((await world.store.audit(1))[0]).toMatchObject({ kind: 'request', problem: 'malformed-request' });
  });
});

describe('the targets that the API takes', () => {
  it.each([
    'http://0177.0.0.1',
    'http://2130706433',
    'http://0x7f.1',
    'http://127.1',
    'http://[::ffff:169.254.169.254]',
    'http://[::ffff:a9fe:a9fe]',
    'http://[64:ff9b::a9fe:a9fe]',
    'http://169.254.169.254',
    'http://168.63.129.16',
    'http://[fe80::1]',
    'http://0.0.0.0',
    'http://224.0.0.1',
    'http://user:secret@127.0.0.1',
    'http://127.0.0.1:99999',
    'http://127.0.0.1:0',
    'http://127.0.0.1/path',
    'http://127.0.0.1?query',
    'http://127.0.0.1#fragment',
    'file:///etc/passwd',
    'gopher://127.0.0.1',
    'unix:/run/docker.sock',
    'http://127.0.0.1\r\nHost: x',
  ])('are not %j (422)', async (url) => {
    const world = await startWorld();
    const { status } = await plain(world, 'PUT', '/v1/services/shop/pools/green', ADMIN, { targets: [{ url }] });
    expect(status).toBe(422);
  });
});
