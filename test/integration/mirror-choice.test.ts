/** Which requests are copied, and what of them: by user, by condition, with or without what tells who it was. */
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { slotOf } from '../../src/base/hash.ts';
import type { MirrorConfiguration, ServiceConfiguration } from '../../src/index.ts';
import type { Backend } from '../helpers/backend.ts';
import { eventually } from '../helpers/eventually.ts';
import { HttpClient } from '../helpers/http-client.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { appService, startProxy, type TestProxy } from '../helpers/start-proxy.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

/** Files are looked at every two seconds, by a machine that may have other things to do. */
const FILE_PATIENCE_MS = 20_000;

interface Mirrored {
  readonly live: Backend;
  readonly shadow: Backend;
  readonly proxy: TestProxy;
}

async function startMirrored(
  mirror: Partial<MirrorConfiguration> = {},
  service: Omit<ServiceConfiguration, 'pools'> = {},
  trustedProxies: readonly string[] = [],
): Promise<Mirrored> {
  const [live, shadow] = [await startBackend('live'), await startBackend('shadow')];
  const { app } = appService({ live, shadow });
  const services = { app: { ...app, ...service, mirror: { pool: 'shadow', ...mirror } } };
  return { live, shadow, proxy: await startProxy({ services, trustedProxies }) };
}

/** Requests with these names, on one connection; each is answered by the live pool. */
async function askAll({ proxy }: Mirrored, ids: readonly string[], fieldsOf: (id: string) => Fields): Promise<void> {
  const client = await startClient(proxy.port);
  for (const id of ids) {
    const response = await client.request({ fields: [['X-Test-Id', id], ...fieldsOf(id)] });
    expect([response.status, response.field('x-version')]).toEqual([200, 'live']);
  }
}

type Fields = readonly (readonly [name: string, value: string])[];

/** Whose requests were copied, once so many copies have come and no more were sent. */
async function copied({ shadow, proxy }: Mirrored, count: number): Promise<string[]> {
  await eventually(async () => {
    expect(await proxy.admin.metric('cutover_requests_total', { traffic: 'mirror', code: '200' })).toBe(count);
  });
  expect(shadow.requests.length).toBe(count);
  return shadow.requests.map(({ id }) => id);
}

function namesIn({ requests }: Backend): string[] {
  return (requests[0]?.fields ?? []).map(([name]) => name.toLowerCase());
}

const USERS = Array.from({ length: 24 }, (_, index) => `user-${index}`);
const asUser = (id: string): Fields => [['X-User', id]];

/** Those whom the service "app" copies at this share, by the hash that is a contract. */
function drawn(percent: number): string[] {
  return USERS.filter((user) => slotOf('app mirror', user) < percent * 100);
}

test('a user is copied with every request or with none, and stays copied while the share grows', async () => {
  const world = await startMirrored({ percent: 30 }, { affinity: { key: ['header:x-user'] } });
  for (let round = 0; round < 2; round += 1) await askAll(world, USERS, asUser);
  const [few, more] = [drawn(30), drawn(60)];
  expect([few.length > 3, more.length > few.length, more.length < USERS.length]).toEqual([true, true, true]);
  expect((await copied(world, 2 * few.length)).toSorted()).toEqual([...few, ...few].toSorted());

  await world.proxy.admin.must('PUT', '/v1/services/app/mirror', { pool: 'shadow', percent: 60 });
  await askAll(world, USERS, asUser);
  const all = await copied(world, 2 * few.length + more.length);
  expect(all.slice(2 * few.length).toSorted()).toEqual(more.toSorted());
  expect(few.filter((user) => !more.includes(user))).toEqual([]);
});

test('the same users are copied where a rule leaves the split unasked', async () => {
  const rules = [{ name: 'all', when: { path: { prefix: '/' } }, pool: 'live' }];
  const split = { live: 50, shadow: 50 };
  const world = await startMirrored({ percent: 50 }, { affinity: { key: ['header:x-user'] }, rules, split });
  await askAll(world, USERS, asUser);
  expect((await copied(world, drawn(50).length)).toSorted()).toEqual(drawn(50).toSorted());
});

test('only what meets the conditions is copied, whatever rule sends it where', async () => {
  const world = await startMirrored(
    { when: { any: [{ path: { prefix: '/search' } }, { headers: { 'x-copy': { present: true } } }] } },
    { rules: [{ name: 'beta', when: { headers: { 'x-beta': 'yes' } }, pool: 'live' }] },
  );
  const client = await startClient(world.proxy.port);
  for (const [id, path, fields] of [
    ['no', '/', []],
    ['near', '/searching', []],
    ['path', '/search/x', []],
    ['field', '/', [['X-Copy', '1']]],
    ['ruled', '/search', [['X-Beta', 'yes']]],
    ['ruled-no', '/', [['X-Beta', 'yes']]],
  ] as const) {
    await client.request({ path, fields: [['X-Test-Id', id], ...fields] });
  }
  expect((await copied(world, 3)).toSorted()).toEqual(['field', 'path', 'ruled']);
});

test('a condition that is user code is asked, and one that fails costs the copy alone', async () => {
  const world = await startMirrored({
    when: (request) => {
      if (request.header('x-copy') === 'bad') throw new Error('boom');
      return request.header('x-copy') === 'yes';
    },
  });
  await askAll(world, ['no', 'yes', 'bad'], (id) => [['X-Copy', id]]);
  expect(await copied(world, 1)).toEqual(['yes']);
  const { admin } = world.proxy;
  expect(await admin.metric('cutover_mirror_dropped_total', { reason: 'user-code-failed' })).toBe(1);
  expect(await admin.metric('cutover_requests_total', { traffic: 'live', code: '200' })).toBe(3);
});

test('a condition that names what is not there is refused where it stands', async () => {
  const { proxy } = await startMirrored();
  const mirror = { pool: 'shadow', when: { all: [{ clientIp: ['office'] }] }, removeHeaders: ['host'] };
  const { status, json } = await proxy.admin.call('PUT', '/v1/services/app/mirror', mirror);
  expect(status).toBe(422);
  expect(json.errors).toMatchObject([
    { pointer: '/when/all/0/clientIp/0', detail: expect.stringContaining('no address set "office"') },
    { pointer: '/removeHeaders/0', detail: expect.stringContaining('must not be "host"') },
  ]);
});

test('a condition looks things up in what its file holds now', async () => {
  const [live, shadow] = [await startBackend('live'), await startBackend('shadow')];
  const file = path.join(temporaryFolder({ 'office.txt': '127.0.0.8/32' }), 'office.txt');
  const services = appService({ live, shadow }, { mirror: { pool: 'shadow', when: { clientIp: ['office'] } } });
  const proxy = await startProxy({ services, lookups: { addressSets: { office: { file } } } });
  const askFrom = async (localAddress: string): Promise<void> => {
    const client = await HttpClient.connect(proxy.port, { localAddress });
    await client.request({ fields: [['X-Test-Id', localAddress]] });
    client.close();
  };
  for (const address of ['127.0.0.9', '127.0.0.8']) await askFrom(address);
  expect(await copied({ live, shadow, proxy }, 1)).toEqual(['127.0.0.8']);

  writeFileSync(file, '127.0.0.9/32 # has moved');
  await eventually(async () => {
    await askFrom('127.0.0.9');
    expect(shadow.requests.at(-1)?.id).toBe('127.0.0.9');
  }, FILE_PATIENCE_MS);
  const before = shadow.requests.length;
  await askFrom('127.0.0.8');
  await askFrom('127.0.0.9');
  await eventually(() => expect(shadow.requests.length).toBeGreaterThan(before));
  expect(shadow.requests.slice(1).filter(({ id }) => id === '127.0.0.8')).toEqual([]);
});

const SECRETS: Fields = [
  ['Authorization', 'Basic eDp5'],
  ['Cookie', 'session=1'],
  ['X-Api-Key', 'k'],
  ['X-Own-Key', 'k'],
  ['Proxy-Authorization', 'Basic eDp5'],
];

test('credentials go along, but what is for the next proxy', async () => {
  const world = await startMirrored();
  await askAll(world, ['one'], () => SECRETS);
  await copied(world, 1);
  expect(namesIn(world.shadow)).toEqual(expect.arrayContaining(['authorization', 'cookie', 'x-api-key', 'x-own-key']));
  expect(namesIn(world.shadow)).not.toContain('proxy-authorization');
});

test('credentials stay behind where that is asked for, with what else is named, and all others go along', async () => {
  const world = await startMirrored({ credentials: 'strip', removeHeaders: ['x-own-key'] });
  await askAll(world, ['one'], () => [...SECRETS, ['X-Other', 'o'], ['Accept', 'text/plain']]);
  await copied(world, 1);
  const names = namesIn(world.shadow);
  for (const [name] of SECRETS) expect(names).not.toContain(name.toLowerCase());
  expect(names).toEqual(expect.arrayContaining(['host', 'x-other', 'accept', 'x-request-id', 'x-shadow-request']));
  expect(namesIn(world.live)).toEqual(expect.arrayContaining(['authorization', 'cookie', 'x-own-key']));
});

test('a request that asks for a protocol which the service does not upgrade to is copied as the plain one that it is', async () => {
  const world = await startMirrored();
  await askAll(world, ['h2c'], () => [
    ['Connection', 'Upgrade, HTTP2-Settings'],
    ['Upgrade', 'h2c'],
    ['HTTP2-Settings', 'AAMAAABkAARAAAAAAAIAAAAA'],
  ]);
  expect(await copied(world, 1)).toEqual(['h2c']);
});

test('no stranger marks a request as a copy, and a trusted proxy may', async () => {
  for (const trusted of [false, true]) {
    const world = await startMirrored({}, {}, trusted ? ['127.0.0.0/8'] : []);
    await askAll(world, ['one'], () => [['X-Shadow-Request', '1']]);
    await copied(world, 1);
    expect(namesIn(world.live).includes('x-shadow-request')).toBe(trusted);
    expect(namesIn(world.shadow).filter((name) => name === 'x-shadow-request')).toEqual(['x-shadow-request']);
  }
});

test('a body that is too long by its length is not even gathered, and the live request has all of it', async () => {
  const world = await startMirrored({ unsafeMethods: true, bodyBytes: '1KiB' });
  const body = 'b'.repeat(100_000);
  await ask(world.proxy.port, { method: 'POST', path: '/upload', body });
  await ask(world.proxy.port, {
    method: 'POST',
    path: '/upload',
    pieces: { bytes: [Buffer.from(body)], gapMs: 0, framing: 'chunked' },
  });
  expect(world.live.requests.map(({ bodyBytes }) => bodyBytes)).toEqual([100_000, 100_000]);
  expect(await world.proxy.admin.metric('cutover_mirror_dropped_total', { reason: 'body-too-large' })).toBe(2);
  expect(await copied(world, 0)).toEqual([]);
});

test('bodies that come slowly are held up to a limit for all of them together', async () => {
  const world = await startMirrored({ unsafeMethods: true, bodyBytes: '1KiB', concurrency: 2 });
  const uploads: Socket[] = [];
  for (let nr = 0; nr < 3; nr += 1) {
    const socket = connect(world.proxy.port, '127.0.0.1').on('error', () => {});
    onTestFinished(() => void socket.destroy());
    uploads.push(socket);
    const head = `POST /upload HTTP/1.1\r\nHost: a.test\r\nX-Test-Id: nr-${nr}\r\nContent-Length: 1001\r\n\r\n`;
    socket.write(head + 'b'.repeat(1_000));
    await eventually(() => expect(world.live.requests[nr]?.bodyBytes).toBe(1_000));
  }
  const dropped = (): Promise<number> => world.proxy.admin.metric('cutover_mirror_dropped_total', { reason: 'busy' });
  expect(await dropped()).toBe(1);
  for (const socket of uploads) socket.write('b');
  expect((await copied(world, 2)).toSorted()).toEqual(['nr-0', 'nr-1']);
  await eventually(() => expect(world.live.requests.map(({ outcome }) => outcome)).toEqual(Array(3).fill('answered')));
  expect(world.live.requests.map(({ bodyBytes }) => bodyBytes)).toEqual([1_001, 1_001, 1_001]);

  // What they held is free again.
  await ask(world.proxy.port, { method: 'POST', path: '/upload', body: 'b'.repeat(1_000) });
  await copied(world, 3);
  expect(await dropped()).toBe(1);
});
