/** Who is served by whom: pools by rules and split, users by affinity, targets by the algorithm. */
import { describe, expect, test } from 'vitest';
import type { ServiceDocument } from '../../src/schema/service.ts';
import { HttpClient, type ClientRequest } from '../helpers/http-client.ts';
import { eventually } from '../helpers/eventually.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { appService, startProxy } from '../helpers/start-proxy.ts';

/** One backend for each target, in one pool, with these weights. */
async function startPool(weights: readonly number[], more: Omit<ServiceDocument, 'pools'> = {}) {
  const backends = await Promise.all(weights.map((_, index) => startBackend(`t${index}`)));
  const targets = backends.map(({ url }, index) => ({ url, weight: weights[index] ?? 1 }));
  const proxy = await startProxy({ services: { app: { ...more, pools: { only: { targets } } } } });
  return { backends, proxy };
}

async function startBlueGreen(more: Omit<ServiceDocument, 'pools'>, trustedProxies: readonly string[] = []) {
  const blue = await startBackend('blue');
  const green = await startBackend('green');
  const proxy = await startProxy({ services: appService({ blue, green }, more), trustedProxies });
  return { blue, green, proxy };
}

/** The versions that answer so many requests, one after the other on one connection. */
async function sequence(
  port: number,
  count: number,
  request: (index: number) => ClientRequest = () => ({}),
): Promise<string[]> {
  const client = await startClient(port);
  const versions: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const response = await client.request(request(index));
    versions.push(response.field('x-version') ?? String(response.status));
  }
  return versions;
}

function tally(versions: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const version of versions) counts[version] = (counts[version] ?? 0) + 1;
  return counts;
}

describe('round robin', () => {
  test('gives equal targets equal turns', async () => {
    const { proxy } = await startPool([1, 1, 1]);
    const versions = await sequence(proxy.port, 30);
    expect(tally(versions)).toEqual({ t0: 10, t1: 10, t2: 10 });
    for (let at = 0; at + 3 <= 30; at += 1) expect(new Set(versions.slice(at, at + 3)).size).toBe(3);
  });

  test('gives weights their exact shares, spread over every round', async () => {
    const { proxy } = await startPool([5, 1, 1]);
    const versions = await sequence(proxy.port, 70);
    for (let round = 0; round < 10; round += 1) {
      expect(tally(versions.slice(round * 7, round * 7 + 7))).toEqual({ t0: 5, t1: 1, t2: 1 });
    }
    expect(versions.join('')).not.toContain('t0t0t0t0t0');
  });

  test('gives a weight of 0 nothing', async () => {
    const { proxy } = await startPool([1, 0]);
    expect(tally(await sequence(proxy.port, 10))).toEqual({ t0: 10 });
  });

  test('follows a change of weight at once', async () => {
    const { backends, proxy } = await startPool([1, 1]);
    await proxy.admin.must('PATCH', `/v1/services/app/pools/only/targets/${backends[0]?.target}`, { weight: 3 });
    expect(tally(await sequence(proxy.port, 40))).toEqual({ t0: 30, t1: 10 });
  });
});

describe('least connections', () => {
  test('fills up the target that has the least to do', async () => {
    const { backends, proxy } = await startPool([1, 0], { algorithm: 'least-connections' });
    const [busy, idle] = backends;
    const holding = Array.from({ length: 12 }, () => HttpClient.connect(proxy.port));
    const clients = await Promise.all(holding);
    const answers = clients.slice(0, 6).map((client) => client.request({ path: '/hold' }));
    await eventually(() => expect(busy?.held).toBe(6));
    await proxy.admin.must('PATCH', `/v1/services/app/pools/only/targets/${idle?.target}`, { weight: 1 });
    answers.push(...clients.slice(6).map((client) => client.request({ path: '/hold' })));
    await eventually(() => expect([busy?.held, idle?.held]).toEqual([6, 6]));
    for (const backend of backends) backend.release();
    for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
    for (const client of clients) client.close();
  });

  test('counts what a target has to do for its weight', async () => {
    const { backends, proxy } = await startPool([3, 1], { algorithm: 'least-connections' });
    const clients = await Promise.all(Array.from({ length: 8 }, () => startClient(proxy.port)));
    const answers = clients.map((client) => client.request({ path: '/hold' }));
    await eventually(() => expect(backends.map(({ held }) => held)).toEqual([6, 2]));
    for (const backend of backends) backend.release();
    await Promise.all(answers);
  });

  test('goes round where all have equally little to do', async () => {
    const { proxy } = await startPool([1, 1, 1], { algorithm: 'least-connections' });
    expect(tally(await sequence(proxy.port, 30))).toEqual({ t0: 10, t1: 10, t2: 10 });
  });
});

describe('a target', () => {
  test.each(['drain', 'maint'] as const)('in %s gets nothing new and finishes what it has', async (state) => {
    const { backends, proxy } = await startPool([1, 1]);
    const [first, second] = backends;
    const clients = await Promise.all([1, 2].map(() => startClient(proxy.port)));
    const held = clients.map((client) => client.request({ path: '/hold' }));
    await eventually(() => expect([first?.held, second?.held]).toEqual([1, 1]));
    await proxy.admin.must('PATCH', `/v1/services/app/pools/only/targets/${first?.target}`, { state });
    expect(tally(await sequence(proxy.port, 10))).toEqual({ t1: 10 });
    for (const backend of backends) backend.release();
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200]);
    await proxy.admin.must('PATCH', `/v1/services/app/pools/only/targets/${first?.target}`, { state: 'ready' });
    expect(tally(await sequence(proxy.port, 10))).toEqual({ t0: 5, t1: 5 });
  });
});

describe('the split', () => {
  test('gives each pool its share of requests whose user is not known', async () => {
    const { proxy } = await startBlueGreen({ split: { blue: 90, green: 10 } });
    const { green = 0 } = tally(await sequence(proxy.port, 2000));
    // Five standard deviations (13.4) around 200.
    expect(green).toBeGreaterThan(133);
    expect(green).toBeLessThan(267);
  });

  test('of 0 gives nothing, of 100 gives everything', async () => {
    const { proxy } = await startBlueGreen({ split: { blue: 0, green: 100 } });
    expect(tally(await sequence(proxy.port, 50))).toEqual({ green: 50 });
  });
});

describe('affinity', () => {
  const USERS = Array.from({ length: 600 }, (_, index) => `user-${index}`);
  const byCookie = (user: string): ClientRequest => ({ fields: [['Cookie', `a=b; uid=${user}; c=d`]] });

  async function poolsOf(port: number): Promise<Map<string, string>> {
    const versions = await sequence(port, USERS.length, (index) => byCookie(USERS[index] ?? ''));
    return new Map(USERS.map((user, index) => [user, versions[index] ?? '']));
  }

  function usersIn(pools: ReadonlyMap<string, string>, pool: string): string[] {
    return USERS.filter((user) => pools.get(user) === pool);
  }

  test('keeps every user on one pool, and the shares as they are', async () => {
    const { proxy } = await startBlueGreen({ split: { blue: 75, green: 25 }, affinity: { key: ['cookie:uid'] } });
    const first = await poolsOf(proxy.port);
    expect(await poolsOf(proxy.port)).toEqual(first);
    // Five standard deviations (10.6) around 150.
    expect(usersIn(first, 'green').length).toBeGreaterThan(97);
    expect(usersIn(first, 'green').length).toBeLessThan(203);
  });

  test('moves users only into the pool whose share grows, step by step', async () => {
    const { proxy } = await startBlueGreen({ affinity: { key: ['cookie:uid'] } });
    let before = usersIn(await poolsOf(proxy.port), 'green');
    expect(before).toEqual([]);
    for (const green of [5, 20, 50, 100]) {
      await proxy.admin.split('app', { blue: 100 - green, green });
      const after = usersIn(await poolsOf(proxy.port), 'green');
      expect(before.filter((user) => !after.includes(user))).toEqual([]);
      expect(after.length).toBeGreaterThan(before.length);
      before = after;
    }
    await proxy.admin.split('app', { blue: 60, green: 40 });
    const back = usersIn(await poolsOf(proxy.port), 'green');
    expect(back.length).toBeLessThan(before.length);
    expect((await poolsOf(proxy.port)).size).toBe(USERS.length);
  });

  test('draws other users with another salt', async () => {
    const shares = { split: { blue: 50, green: 50 } };
    const one = await startBlueGreen({ ...shares, affinity: { key: ['cookie:uid'], salt: 'one' } });
    const two = await startBlueGreen({ ...shares, affinity: { key: ['cookie:uid'], salt: 'two' } });
    expect(usersIn(await poolsOf(one.proxy.port), 'green')).not.toEqual(
      usersIn(await poolsOf(two.proxy.port), 'green'),
    );
  });

  test('asks the next key where a request does not have the first', async () => {
    const { proxy } = await startBlueGreen({
      split: { blue: 50, green: 50 },
      affinity: { key: ['cookie:uid', 'header:x-user', 'client-ip'] },
    });
    const named = await Promise.all(
      USERS.slice(0, 40).map(async (user) => {
        const versions = await sequence(proxy.port, 3, () => ({ fields: [['X-User', user]] }));
        return new Set(versions).size;
      }),
    );
    expect(new Set(named)).toEqual(new Set([1]));
    expect(new Set(await sequence(proxy.port, 40)).size).toBe(1);
  });
});

describe('rules', () => {
  const RULES: ServiceDocument['rules'] = [
    { name: 'both', when: { headers: { 'x-group': 'beta' }, clientIp: ['10.0.0.0/8'] }, pool: 'blue' },
    { name: 'testers', when: { headers: { 'x-group': 'beta' } }, pool: 'green' },
    { name: 'office', when: { clientIp: ['127.0.0.2/32', '2001:db8::/32', '10.0.0.0/8'] }, pool: 'green' },
  ];

  test.each<[what: string, group: string | null, from: string, pool: string]>([
    ['nobody', null, '127.0.0.1', 'blue'],
    ['a header with its value', 'beta', '127.0.0.1', 'green'],
    ['the header with another value', 'beta2', '127.0.0.1', 'blue'],
    ['the header with its value in another case', 'Beta', '127.0.0.1', 'blue'],
    ['an address', null, '127.0.0.2', 'green'],
  ])('send %s where they say', async (_, group, localAddress, pool) => {
    const { proxy } = await startBlueGreen({ rules: RULES });
    const client = await HttpClient.connect(proxy.port, { localAddress });
    const response = await client.request(group === null ? {} : { fields: [['X-Group', group]] });
    client.close();
    expect(response.field('x-version')).toBe(pool);
  });

  test.each([
    ['an address behind a trusted proxy', '10.1.2.3', 'green'],
    ['an IPv6 address', '2001:db8::5', 'green'],
    ['an IPv4 address in IPv6 form', '::ffff:10.1.2.3', 'green'],
    ['the last address that nobody vouches for', '10.1.2.3, 8.8.8.8', 'blue'],
    ['what is no address', '10.1.2.3, unknown', 'blue'],
  ])('see %s', async (_, forwardedFor, pool) => {
    const { proxy } = await startBlueGreen({ rules: RULES }, ['127.0.0.1/32']);
    const response = await ask(proxy.port, { fields: [['X-Forwarded-For', forwardedFor]] });
    expect(response.field('x-version')).toBe(pool);
  });

  test('want all of their conditions, and the first that matches wins', async () => {
    const { proxy } = await startBlueGreen({ rules: RULES }, ['127.0.0.1/32']);
    const fields = [
      ['X-Group', 'beta'],
      ['X-Forwarded-For', '10.1.2.3'],
    ] as const;
    expect((await ask(proxy.port, { fields })).field('x-version')).toBe('blue');
    expect((await ask(proxy.port, { fields: [fields[0]] })).field('x-version')).toBe('green');
  });

  test('believe no address of a client that nobody trusts', async () => {
    const { proxy } = await startBlueGreen({ rules: RULES });
    expect((await ask(proxy.port, { fields: [['X-Forwarded-For', '10.1.2.3']] })).field('x-version')).toBe('blue');
  });

  test('come before the split', async () => {
    const { proxy } = await startBlueGreen({ rules: RULES, split: { blue: 100 } });
    await proxy.admin.split('app', { blue: 0, green: 100 });
    expect((await ask(proxy.port)).field('x-version')).toBe('green');
    await proxy.admin.split('app', { blue: 100, green: 0 });
    expect((await ask(proxy.port, { fields: [['X-Group', 'beta']] })).field('x-version')).toBe('green');
  });
});
