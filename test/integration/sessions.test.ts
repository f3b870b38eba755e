/** Sessions that stay on their target, by a cookie that nobody can forge: what the client and the targets see. */
import { describe, expect, test } from 'vitest';
import type { ServiceDocument } from '../../src/schema/service.ts';
import type { Backend } from '../helpers/backend.ts';
import type { ClientRequest } from '../helpers/http-client.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { startProxy, type TestProxy } from '../helpers/start-proxy.ts';

type More = Omit<ServiceDocument, 'pools'>;

/** One pool `only` of so many targets. */
async function startPool(size: number, more: More = { sticky: { cookie: 'stay' } }, trustedProxies: string[] = []) {
  const backends = await Promise.all(Array.from({ length: size }, (_, index) => startBackend(`t${index}`)));
  const pools = { only: { targets: backends.map(({ url }) => ({ url })) } };
  const proxy = await startProxy({ services: { app: { ...more, pools } }, trustedProxies });
  return { backends, proxy };
}

/** Two targets in `blue`, two in `green`; all of the traffic to `blue` unless `more` says otherwise. */
async function startBlueGreen(sticky: ServiceDocument['sticky'], more: More = {}) {
  const versions = ['blue1', 'blue2', 'green1', 'green2'];
  const [blue1, blue2, green1, green2] = (await Promise.all(versions.map((version) => startBackend(version)))) as [
    Backend,
    Backend,
    Backend,
    Backend,
  ];
  const pool = (...backends: readonly Backend[]) => ({ targets: backends.map(({ url }) => ({ url })) });
  const pools = { blue: pool(blue1, blue2), green: pool(green1, green2) };
  const app: ServiceDocument = { split: { blue: 100 }, ...more, ...(sticky && { sticky }), pools };
  const proxy = await startProxy({ services: { app } });
  const all = [blue1, blue2, green1, green2];
  const pathOf = (version: string) =>
    `/v1/services/app/pools/${version.slice(0, -1)}/targets/${all.find((one) => one.version === version)?.target}`;
  const setState = (version: string, state: string) => proxy.admin.must('PATCH', pathOf(version), { state });
  return { all, proxy, setState };
}

interface Answer {
  readonly version: string;
  /** The whole Set-Cookie; "": there is none. */
  readonly line: string;
  /** What a browser would send back. */
  readonly cookie: string;
}

async function visit(port: number, cookie = '', fields: ClientRequest['fields'] = []): Promise<Answer> {
  const own = cookie === '' ? [] : ([['Cookie', cookie]] as const);
  const response = await ask(port, { fields: [...own, ...fields] });
  const line = response.field('set-cookie') ?? '';
  return { version: response.field('x-version') ?? String(response.status), line, cookie: line.split(';')[0] ?? '' };
}

/** Who answers so many requests with this cookie. */
async function seenBy(port: number, cookie: string, count: number): Promise<Set<string>> {
  const client = await startClient(port);
  const seen = new Set<string>();
  for (let index = 0; index < count; index += 1) {
    seen.add((await client.request({ fields: [['Cookie', cookie]] })).field('x-version') ?? '');
  }
  return seen;
}

async function results({ admin }: TestProxy, service = 'app'): Promise<Record<string, number>> {
  const series = await admin.metrics('cutover_sticky_total');
  const own = series.filter(([labels]) => labels.includes(`service="${service}"`));
  return Object.fromEntries(own.map(([labels, count]) => [/result="([^"]*)"/.exec(labels)?.[1] ?? '', count]));
}

describe('a session', () => {
  test('stays on its target, and is given its cookie once', async () => {
    const { proxy } = await startPool(3);
    const { cookie, version, line } = await visit(proxy.port);
    expect(line).toMatch(/^stay=[\w-]{22}; Path=\/; HttpOnly; SameSite=Lax$/);
    expect(await seenBy(proxy.port, cookie, 12)).toEqual(new Set([version]));
    expect((await visit(proxy.port, `a=1; ${cookie}; b=2`)).line).toBe('');
    expect(await results(proxy)).toEqual({ created: 1, bound: 13 });
  });

  test('stays while its target drains, and moves when that is in maintenance', async () => {
    const { proxy, setState } = await startBlueGreen({ cookie: 'stay' });
    const { cookie, version } = await visit(proxy.port);
    await setState(version, 'drain');
    expect(await seenBy(proxy.port, cookie, 4)).toEqual(new Set([version]));
    for (let index = 0; index < 4; index += 1) expect((await visit(proxy.port)).version).not.toBe(version);
    await setState(version, 'maint');
    const moved = await visit(proxy.port, cookie);
    expect(moved.version).not.toBe(version);
    expect(await seenBy(proxy.port, moved.cookie, 4)).toEqual(new Set([moved.version]));
    expect(await results(proxy)).toMatchObject({ unavailable: 1 });
  });

  test('is bound anew when its target is gone', async () => {
    const { backends, proxy } = await startPool(2);
    const { cookie, version } = await visit(proxy.port);
    const left = backends.filter((backend) => backend.version !== version);
    await proxy.admin.must('PUT', '/v1/services/app/pools/only', { targets: left.map(({ url }) => ({ url })) });
    const anew = await visit(proxy.port, cookie);
    expect(anew.version).toBe(left[0]?.version);
    expect(anew.cookie).toMatch(/^stay=/);
    expect(anew.cookie).not.toBe(cookie);
    expect((await visit(proxy.port, anew.cookie)).line).toBe('');
    expect(await results(proxy)).toEqual({ created: 1, unknown: 1, bound: 1 });
  });

  test('of nobody known stays on its pool while that has a share', async () => {
    const { proxy } = await startBlueGreen({ cookie: 'stay' }, { split: { blue: 50, green: 50 } });
    const visitors = await Promise.all(Array.from({ length: 40 }, () => visit(proxy.port)));
    expect(new Set(visitors.map(({ version }) => version)).size).toBe(4);
    for (const { cookie, version } of visitors) expect((await visit(proxy.port, cookie)).version).toBe(version);
    await proxy.admin.split('app', { blue: 1, green: 99 });
    for (const { cookie, version } of visitors) expect((await visit(proxy.port, cookie)).version).toBe(version);
    await proxy.admin.split('app', { blue: 0, green: 100 });
    for (const { cookie } of visitors) expect((await visit(proxy.port, cookie)).version).toMatch(/^green/);
  });

  test('follows its user where affinity knows them', async () => {
    const affinity = { key: ['header:x-user'] };
    const { proxy } = await startBlueGreen({ cookie: 'stay' }, { split: { blue: 50, green: 50 }, affinity });
    const users = Array.from({ length: 40 }, (_, index) => [['X-User', `user-${index}`]] as const);
    const first = await Promise.all(users.map((fields) => visit(proxy.port, '', fields)));
    // As one browser that two people use.
    const [{ cookie } = { cookie: '' }] = first;
    for (const [index, fields] of users.entries()) {
      const { version } = await visit(proxy.port, cookie, fields);
      expect(version.slice(0, -1)).toBe(first[index]?.version.slice(0, -1));
    }
  });
});

describe('a session cookie', () => {
  test('says nothing about the target, and the name of a target is not believed', async () => {
    const { backends, proxy } = await startPool(3);
    const { line } = await visit(proxy.port);
    for (const { port } of backends) expect(line).not.toContain(String(port));
    expect((await seenBy(proxy.port, `stay=${backends[0]?.target}`, 12)).size).toBe(3);
  });

  test.each([
    ['of another value', (value: string) => `${value.startsWith('A') ? 'B' : 'A'}${value.slice(1)}`],
    ['cut short', (value: string) => value.slice(0, -1)],
    ['with something behind it', (value: string) => `${value}A`],
    ['without a value', () => ''],
    ['of a property of every object', () => '__proto__'],
    ['of 8 KiB', () => 'A'.repeat(8_192)],
  ])('that is forged, %s, is ignored, counted and replaced', async (_, forge) => {
    const { proxy } = await startPool(3);
    const { cookie } = await visit(proxy.port);
    const forged = `stay=${forge(cookie.slice('stay='.length))}`;
    expect((await seenBy(proxy.port, forged, 6)).size).toBe(3);
    expect((await visit(proxy.port, forged)).cookie).toMatch(/^stay=[\w-]{22}$/);
    expect(await results(proxy)).toEqual({ created: 1, unknown: 7 });
  });

  test('is not accepted by another service, though both have the same secret and target', async () => {
    const backends = await Promise.all([startBackend('t0'), startBackend('t1'), startBackend('t2')]);
    const service = (host: string): ServiceDocument => ({
      match: { hosts: [host] },
      pools: { only: { targets: backends.map(({ url }) => ({ url })) } },
      sticky: { cookie: 'stay', secret: 'one secret for both of them' },
    });
    const proxy = await startProxy({ services: { app: service('app.test'), other: service('other.test') } });
    const { cookie } = await visit(proxy.port);
    const client = await startClient(proxy.port);
    const seen = new Set<string | null>();
    for (let index = 0; index < 6; index += 1) {
      const response = await client.request({ host: 'other.test', fields: [['Cookie', cookie]] });
      seen.add(response.field('x-version'));
    }
    expect(seen.size).toBe(3);
    expect(await results(proxy, 'other')).toEqual({ unknown: 6 });
  });

  test('has the attributes that were asked for', async () => {
    const sticky = { cookie: 'stay', maxAge: '2h', domain: 'app.test', path: '/shop', sameSite: 'none' } as const;
    const { proxy } = await startPool(1, { match: { hosts: ['app.test'] }, sticky });
    expect((await visit(proxy.port)).line).toMatch(
      /^stay=[\w-]{22}; Path=\/shop; Domain=app\.test; Max-Age=7200; HttpOnly; SameSite=None; Secure$/,
    );
  });

  test('is Secure where a trusted proxy says that the client came by https, and only then', async () => {
    const https = [['X-Forwarded-Proto', 'https']] as const;
    const trusting = await startPool(1, { sticky: { cookie: 'stay' } }, ['127.0.0.1/32']);
    expect((await visit(trusting.proxy.port, '', https)).line).toMatch(/; Secure$/);
    expect((await visit(trusting.proxy.port)).line).not.toContain('Secure');
    const { proxy } = await startPool(1);
    expect((await visit(proxy.port, '', https)).line).not.toContain('Secure');
  });

  test('outlives the secret that signed it for as long as that is accepted', async () => {
    const secrets = ['the secret of last week', 'the secret of this week'] as const;
    const patch = (sticky: object) => proxy.admin.must('PATCH', '/v1/services/app', { sticky });
    const { proxy } = await startPool(3, { sticky: { cookie: 'stay', secret: secrets[0] } });
    const old = await visit(proxy.port);
    await patch({ acceptedSecrets: [secrets[1]] });
    expect(await seenBy(proxy.port, old.cookie, 6)).toEqual(new Set([old.version]));
    await patch({ secret: secrets[1], acceptedSecrets: [secrets[0]] });
    expect(await seenBy(proxy.port, old.cookie, 6)).toEqual(new Set([old.version]));
    expect((await visit(proxy.port, old.cookie)).line).toBe('');
    const young = await visit(proxy.port);
    await patch({ acceptedSecrets: null });
    expect(await seenBy(proxy.port, young.cookie, 6)).toEqual(new Set([young.version]));
    expect((await seenBy(proxy.port, old.cookie, 6)).size).toBe(3);
  });
});

describe('on a cutover', () => {
  const session = (onCutover?: 'move' | 'keep') => ({ cookie: 'stay', ...(onCutover && { onCutover }) });

  test('sessions move, and are bound in the pool that they move to', async () => {
    const { all, proxy } = await startBlueGreen(session());
    const visitors = await Promise.all(Array.from({ length: 10 }, () => visit(proxy.port)));
    await proxy.admin.cutover('app', 'green');
    const before = all.map(({ requests }) => requests.length);
    for (const { cookie } of visitors) {
      const moved = await visit(proxy.port, cookie);
      expect(moved.version).toMatch(/^green/);
      expect(await seenBy(proxy.port, moved.cookie, 3)).toEqual(new Set([moved.version]));
    }
    const since = all.map(({ requests }, index) => requests.length - (before[index] ?? 0));
    expect(since.slice(0, 2)).toEqual([0, 0]);
    expect(await results(proxy)).toEqual({ created: 10, moved: 10, bound: 30 });
  });

  test('sessions that are kept stay, through a rollback too, and whoever comes later goes by the split', async () => {
    const { proxy } = await startBlueGreen(session('keep'));
    const early = await visit(proxy.port);
    await proxy.admin.cutover('app', 'green');
    expect(await seenBy(proxy.port, early.cookie, 6)).toEqual(new Set([early.version]));
    const late = await visit(proxy.port);
    expect(late.version).toMatch(/^green/);
    await proxy.admin.rollback('app');
    expect(await seenBy(proxy.port, late.cookie, 6)).toEqual(new Set([late.version]));
    expect((await visit(proxy.port)).version).toMatch(/^blue/);
    expect(await results(proxy)).toEqual({ created: 3, bound: 12 });
  });

  test('kept sessions stay on a target that drains, and leave one in maintenance for the pool of the split', async () => {
    const { proxy, setState } = await startBlueGreen(session('keep'));
    const { cookie, version } = await visit(proxy.port);
    await proxy.admin.cutover('app', 'green');
    await setState(version, 'drain');
    expect((await visit(proxy.port, cookie)).version).toBe(version);
    await setState(version, 'maint');
    const moved = await visit(proxy.port, cookie);
    expect(moved.version).toMatch(/^green/);
    await setState(version, 'ready');
    expect((await visit(proxy.port, moved.cookie)).version).toBe(moved.version);
  });

  test('kept sessions end with their pool', async () => {
    const { proxy } = await startBlueGreen(session('keep'));
    const { cookie } = await visit(proxy.port);
    await proxy.admin.cutover('app', 'green');
    await proxy.admin.must('DELETE', '/v1/services/app/pools/blue');
    const moved = await visit(proxy.port, cookie);
    expect(moved.version).toMatch(/^green/);
    expect(moved.cookie).toMatch(/^stay=/);
    expect(await results(proxy)).toMatchObject({ unknown: 1 });
  });

  test('the receipt of a cutover counts down what was under way, also where sessions go on', async () => {
    const { all, proxy } = await startBlueGreen(session('keep'));
    const { cookie, version } = await visit(proxy.port);
    const own = all.find((backend) => backend.version === version);
    const client = await startClient(proxy.port);
    const held = client.request({ path: '/hold', fields: [['Cookie', cookie]] });
    await expect.poll(() => own?.held).toBe(1);
    const { id, drain } = await proxy.admin.cutover('app', 'green');
    expect(drain).toMatchObject({ inFlightAtFlip: 1, remaining: 1 });
    expect((await visit(proxy.port, cookie)).version).toBe(version);
    own?.release();
    expect((await held).status).toBe(200);
    expect((await proxy.admin.receipt('app', id, 5)).drain).toMatchObject({ state: 'drained', completed: 1 });
  });
});

describe('a rule', () => {
  const rules = [{ name: 'testers', when: { headers: { 'x-group': 'beta' } }, pool: 'green' }];
  const beta = [['X-Group', 'beta']] as const;

  test.each(['move', 'keep'] as const)('wins over a session, which is bound where it leads (%s)', async (onCutover) => {
    const { proxy } = await startBlueGreen({ cookie: 'stay', onCutover }, { rules });
    const { cookie, version } = await visit(proxy.port);
    expect(version).toMatch(/^blue/);
    const tester = await visit(proxy.port, cookie, beta);
    expect(tester.version).toMatch(/^green/);
    expect((await visit(proxy.port, tester.cookie, beta)).version).toBe(tester.version);
    // Without the header: kept sessions stay where the rule brought them, others go back to where the split sends them.
    const after = await visit(proxy.port, tester.cookie);
    expect(after.version).toMatch(onCutover === 'keep' ? /^green/ : /^blue/);
    expect(await results(proxy)).toEqual(
      onCutover === 'keep' ? { created: 1, moved: 1, bound: 2 } : { created: 1, moved: 2, bound: 1 },
    );
  });
});
