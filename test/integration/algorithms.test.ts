/** What each target sees of a pool's requests, by every algorithm, with targets in reserve, and by zones. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ServiceDocument } from '../../src/schema/service.ts';
import type { TargetDocument } from '../../src/schema/pool.ts';
import { AdminClient } from '../helpers/admin-client.ts';
import type { ClientRequest } from '../helpers/http-client.ts';
import { openProxy } from '../helpers/open-proxy.ts';
import { startClient } from '../helpers/start-client.ts';

interface Application {
  readonly target: string;
  readonly url: string;
  /** Requests that it has answered. */
  count: number;
}

/** An application server that takes `tookMs` for every request and answers with `status`. */
async function startApplication({ tookMs = 0, status = 200 } = {}): Promise<Application> {
  const server = createServer((request, response) => {
    application.count += 1;
    request.resume().on('end', () => {
      void wait(tookMs).then(() => response.writeHead(status, { 'x-served-by': application.target }).end());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const application: Application = { target, url: `http://${target}`, count: 0 };
  return application;
}

async function startPool(
  algorithm: NonNullable<ServiceDocument['algorithm']>,
  targets: readonly TargetDocument[],
  zone?: string,
): Promise<{ readonly port: number; readonly patch: (target: string, body: object) => Promise<unknown> }> {
  const proxy = await openProxy({
    listeners: { web: { listen: '127.0.0.1:0' } },
    admin: { listen: '127.0.0.1:0' },
    state: { path: 'memory' },
    workers: 0,
    ...(zone === undefined ? {} : { zone }),
    services: { app: { algorithm, pools: { only: { targets: [...targets] } } } },
  });
  onTestFinished(() => proxy.close());
  const admin = new AdminClient(proxy.adminUrl);
  return {
    port: proxy.port,
    patch: (target, body) => admin.must('PATCH', `/v1/services/app/pools/only/targets/${target}`, body),
  };
}

/** So many requests on each of `clients` connections, one after the other; who has served them, in order for one client. */
async function send(
  port: number,
  count: number,
  clients = 1,
  requestOf: (index: number) => ClientRequest = () => ({}),
): Promise<string[]> {
  const served: string[] = [];
  const run = async (): Promise<void> => {
    const client = await startClient(port);
    for (let index = 0; index < count; index += 1) {
      const response = await client.request(requestOf(index));
      served.push(response.field('x-served-by') ?? String(response.status));
    }
  };
  await Promise.all(Array.from({ length: clients }, run));
  return served;
}

const NAMES = ['round-robin', 'least-connections', 'p2c', 'least-time', 'rendezvous', 'random'] as const;

describe.each(NAMES)('%s', (name) => {
  test('uses every target of a pool, and none that is drained', async () => {
    const apps = await Promise.all([1, 2, 3].map(() => startApplication({ tookMs: 5 })));
    const algorithm = name === 'rendezvous' ? { name, key: 'header:x-user' } : name;
    const { port, patch } = await startPool(algorithm, urlsOf(apps));
    const byUser = (index: number): ClientRequest => ({ fields: [['X-User', `u${index}`]] });
    await send(port, 40, 8, byUser);
    for (const { count } of apps) expect(count).toBeGreaterThan(0);
    await patch(apps[0]?.target ?? '', { state: 'drain' });
    expect(await send(port, 60, 1, byUser)).not.toContain(apps[0]?.target);
  });

  test('brings a request to another target when the first cannot be reached', async () => {
    const gone = await goneUrl();
    const app = await startApplication();
    const { port } = await startPool(name, [{ url: gone }, { url: app.url }]);
    expect(new Set(await send(port, 20))).toEqual(new Set([app.target]));
  });
});

describe.each(['p2c', 'least-time'] as const)('%s', (name) => {
  test('sends a slow target less than its share', async () => {
    const slow = await startApplication({ tookMs: 400 });
    const fast = await Promise.all([1, 2].map(() => startApplication({ tookMs: 5 })));
    const { port } = await startPool(name, urlsOf([slow, ...fast]));
    await send(port, 40, 8);
    expect(slow.count).toBeGreaterThan(0);
    // A third would be 107.
    expect(slow.count).toBeLessThan(55);
  });

  test('sends a target that fails at once next to nothing', async () => {
    const failing = await startApplication({ status: 500 });
    const sound = await Promise.all([1, 2].map(() => startApplication({ tookMs: 5 })));
    const { port } = await startPool(name, urlsOf([failing, ...sound]));
    // One that is not known yet counts as the mean: it has its turn when those that were quicker so far have faded.
    while (failing.count === 0) {
      await send(port, 10);
    }
    await send(port, 150);
    // A third would be 50.
    expect(failing.count).toBeLessThan(10);
  });

  test('does not take a slow client for a slow target', async () => {
    const apps = await Promise.all([1, 2].map(() => startApplication({ tookMs: 100 })));
    const { port } = await startPool({ name, decay: '1h' }, urlsOf(apps));
    // The target of this one waits for a body two seconds. Were they held against it, it would count as twenty times as
    // slow as the other, and would not be asked again.
    const uploader = await startClient(port);
    const pieces = { bytes: [Buffer.from('a')], gapMs: 2_000, framing: 'chunked' } as const;
    expect((await uploader.request({ method: 'POST', pieces })).status).toBe(200);
    await send(port, 10, 8);
    for (const { count } of apps) expect(count).toBeGreaterThan(3);
  });
});

describe('rendezvous', () => {
  const apps = (): Promise<Application[]> => Promise.all([1, 2, 3, 4].map(() => startApplication()));

  test.each<[string, (user: number) => ClientRequest]>([
    ['header:X-User', (user) => ({ fields: [['x-user', `u${user}`]] })],
    ['cookie:uid', (user) => ({ fields: [['Cookie', `a=b; uid=u${user}`]] })],
    ['path', (user) => ({ path: `/articles/${user}?any=${Math.random()}` })],
  ])('by %s sends the same to the same target', async (key, requestOf) => {
    const { port } = await startPool({ name: 'rendezvous', key }, urlsOf(await apps()));
    const first = await send(port, 40, 1, requestOf);
    expect(await send(port, 40, 1, requestOf)).toEqual(first);
    expect(new Set(first).size).toBe(4);
  });

  test('by client address, which is what it goes by where nothing is said', async () => {
    const { port } = await startPool('rendezvous', urlsOf(await apps()));
    expect(new Set(await send(port, 20)).size).toBe(1);
  });

  test('moves nobody but the users of a target that leaves, and they come back with it', async () => {
    const targets = await apps();
    const { port, patch } = await startPool({ name: 'rendezvous', key: 'header:x-user' }, urlsOf(targets));
    const byUser = (index: number): ClientRequest => ({ fields: [['X-User', `u${index}`]] });
    const before = await send(port, 100, 1, byUser);
    const leaving = targets[2]?.target ?? '';
    await patch(leaving, { state: 'maint' });
    const after = await send(port, 100, 1, byUser);
    for (const [user, target] of before.entries()) {
      if (target === leaving) expect(after[user]).not.toBe(leaving);
      else expect(after[user]).toBe(target);
    }
    await patch(leaving, { state: 'ready' });
    expect(await send(port, 100, 1, byUser)).toEqual(before);
  });

  test('goes round where a request has no key', async () => {
    const targets = await apps();
    const { port } = await startPool({ name: 'rendezvous', key: 'header:x-user' }, urlsOf(targets));
    await send(port, 40);
    expect(targets.map(({ count }) => count)).toEqual([10, 10, 10, 10]);
  });
});

describe('a target in reserve', () => {
  test('serves only while no other may', async () => {
    const [one, two, spare] = await Promise.all([1, 2, 3].map(() => startApplication()));
    const targets = [{ url: one?.url ?? '' }, { url: two?.url ?? '' }, { url: spare?.url ?? '', backup: true }];
    const { port, patch } = await startPool('least-connections', targets);
    await send(port, 20);
    await patch(one?.target ?? '', { state: 'maint' });
    await send(port, 20);
    expect(spare?.count).toBe(0);
    await patch(two?.target ?? '', { state: 'maint' });
    expect(new Set(await send(port, 20))).toEqual(new Set([spare?.target]));
    await patch(one?.target ?? '', { state: 'ready' });
    expect(new Set(await send(port, 20))).toEqual(new Set([one?.target]));
  });

  test('serves the request that could not reach the only other one', async () => {
    const spare = await startApplication();
    const { port } = await startPool('round-robin', [{ url: await goneUrl() }, { url: spare.url, backup: true }]);
    expect(await send(port, 3)).toEqual([spare.target, spare.target, spare.target]);
  });
});

describe('a zone', () => {
  async function startZones(zone: string | undefined) {
    const near = await Promise.all(Array.from({ length: 5 }, () => startApplication()));
    const far = await Promise.all([1, 2].map(() => startApplication()));
    const targets = [
      ...near.map(({ url }) => ({ url, zone: 'near' })),
      ...far.map(({ url }) => ({ url, zone: 'far' })),
    ];
    const { port, patch } = await startPool({ name: 'least-connections', zone: { enough: 80 } }, targets, zone);
    return { near, far, port, patch, farCount: () => far.reduce((sum, { count }) => sum + count, 0) };
  }

  test('of its own keeps all requests while enough of it may serve, and then what it can carry', async () => {
    const { near, port, patch, farCount } = await startZones('near');
    await send(port, 40);
    await patch(near[0]?.target ?? '', { state: 'drain' });
    await send(port, 40);
    expect(farCount()).toBe(0);
    for (const { target } of near.slice(1, 3)) await patch(target, { state: 'maint' });
    await send(port, 100);
    // Two of five are left, where four would be enough.
    expect(farCount()).toBe(50);
    for (const { target } of near.slice(3)) await patch(target, { state: 'maint' });
    await send(port, 10);
    expect(farCount()).toBe(60);
  });

  test('makes no difference to a proxy that does not know where it is', async () => {
    const { port, farCount } = await startZones(undefined);
    await send(port, 70);
    expect(farCount()).toBe(20);
  });
});

function urlsOf(applications: readonly Application[]): TargetDocument[] {
  return applications.map(({ url }) => ({ url }));
}

/** Nobody listens there any more. */
async function goneUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}
