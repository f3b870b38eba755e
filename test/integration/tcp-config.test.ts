/** Services that name listeners, as an operator has them: the example, what is told of them, and what is refused. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';

import { createProxy } from '../../src/index.ts';
import type { ConfigDocument } from '../../src/schema/config.ts';
import { AdminClient } from '../helpers/admin-client.ts';
import { eventually } from '../helpers/eventually.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask } from '../helpers/start-client.ts';
import { untilLogged } from '../helpers/log-lines.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { TcpClient } from '../helpers/tcp-client.ts';
import { greeting, startTcpTarget } from '../helpers/tcp-target.ts';

const LISTEN = '127.0.0.1:0';

async function start(config: ConfigDocument) {
  const proxy = await createProxy({ config: { ...config, admin: { listen: LISTEN }, state: { path: 'memory' } } });
  onTestFinished(async () => {
    await proxy.close();
  });
  const admin = new AdminClient(proxy.admin.url);
  const explained = async (request: object) => (await admin.must('POST', '/v1/explain', { request })).json;
  return { port: (name: string) => proxy.listener(name).port, admin, explained };
}

/** config/tcp.yaml, on free ports and with targets that are there. */
async function startExample() {
  const text = readFileSync(new URL('../../config/tcp.yaml', import.meta.url), 'utf8');
  const [blue, green] = [await startTcpTarget(greeting('17')), await startTcpTarget(greeting('18'))];
  const shop = await startBackend('shop');
  const placed = text
    .replaceAll(/127\.0\.0\.1:(8080|5432)/g, LISTEN)
    .replace('tcp://127.0.0.1:5433', blue.url)
    .replace('tcp://127.0.0.1:5434', green.url)
    .replace('http://127.0.0.1:3001', shop.url);
  return { ...(await start(parse(placed) as ConfigDocument)), blue, green };
}

test('the example serves HTTP and a database, is cut over, and tells of both', async () => {
  const { port, admin, explained, blue, green } = await startExample();
  expect((await ask(port('web'))).field('x-version')).toBe('shop');
  const client = await TcpClient.connect(port('pg'));
  await client.hears('17\n');
  await eventually(async () => {
    const { items } = (await admin.must('GET', '/v1/services')).json;
    const db = items.find(({ name }: { name: string }) => name === 'db');
    expect(db).toMatchObject({ match: { listeners: ['pg'] }, split: { blue: 100 } });
    expect(JSON.stringify(db)).toContain(`tcp://127.0.0.1:${blue.port}`);
  });
  await admin.cutover('db', 'green');
  const next = await TcpClient.connect(port('pg'));
  await next.hears('18\n');
  client.send('still on 17');
  await client.hears('still on 17');
  expect(await explained({ url: 'tcp://pg' })).toMatchObject({
    request: { clientAddress: '127.0.0.1', scheme: 'tcp' },
    service: { name: 'db', why: 'it names the listener "pg"' },
    rules: [{ rule: 'office', outcome: 'fails' }],
    pool: { name: 'green', by: 'only' },
    choice: { target: `127.0.0.1:${green.port}`, algorithm: 'least-connections' },
    refusal: null,
  });
  expect(await explained({ url: 'tcp://pg', clientIp: '203.0.113.9' })).toMatchObject({
    pool: { name: 'green', by: 'rule' },
  });
  const { listeners } = (await admin.must('GET', '/v1/status')).json;
  expect(listeners).toContainEqual(
    expect.objectContaining({ name: 'pg', connections: { idle: 0, active: 0, tunnel: 2 } }),
  );
  for (const one of [client, next]) one.close();
});

test('a service that names a listener is found there alone, and there before those that name none', async () => {
  const [inside, outside] = [await startBackend('inside'), await startBackend('outside')];
  const of = (url: string) => ({ pools: { only: { targets: [{ url }] } } });
  const { port, admin, explained } = await start({
    listeners: { web: { listen: LISTEN }, more: { listen: LISTEN }, private: { listen: LISTEN } },
    services: {
      shop: { match: { hosts: ['shop.example.com'] }, ...of(outside.url) },
      tools: { match: { listeners: ['private'], pathPrefix: '/tools' }, ...of(inside.url) },
    },
  });
  const host = 'shop.example.com';
  const whoAnswers = async (listener: string, path: string): Promise<string> => {
    const response = await ask(port(listener), { path, host });
    return response.field('x-version') ?? String(response.status);
  };
  expect(await whoAnswers('web', '/tools')).toBe('outside');
  expect(await whoAnswers('private', '/tools/x')).toBe('inside');
  expect(await whoAnswers('private', '/cart')).toBe('outside');
  expect((await ask(port('private'), { path: '/tools', host: 'other' })).field('x-version')).toBe('inside');
  expect((await ask(port('more'), { path: '/tools', host: 'other' })).status).toBe(404);
  const url = 'http://shop.example.com/tools';
  expect(await explained({ url })).toMatchObject({ service: { name: 'shop' } });
  expect(await explained({ url, listener: 'private' })).toMatchObject({
    service: { name: 'tools', why: expect.stringContaining('it names the listener "private"') },
  });
  // A change of the listeners alone is in force with its answer.
  await admin.must('PATCH', '/v1/services/tools', { match: { listeners: ['private', 'more'] } });
  expect(await whoAnswers('more', '/tools')).toBe('inside');
  await admin.must('DELETE', '/v1/services/tools');
  expect(await whoAnswers('private', '/tools')).toBe('outside');
});

test('what does not fit a listener is refused, with its place and what would be right', async () => {
  const { admin } = await startExample();
  const cases: readonly [method: string, place: string, body: object, pointer: string, says: string][] = [
    ['PUT', '/v1/services/db/mirror', { pool: 'green', percent: 1 }, '', 'copies requests'],
    ['PATCH', '/v1/services/db', { sticky: { cookie: 'c' } }, '/sticky', 'rendezvous'],
    ['PATCH', '/v1/services/db', { match: { listeners: ['pgg'] } }, '/match/listeners/0', 'did you mean "pg"?'],
    [
      'PUT',
      '/v1/services/db/pools/red',
      { targets: [{ url: 'http://127.0.0.1:1' }] },
      '/targets/0/url',
      'must use tcp',
    ],
    ['PUT', '/v1/services/second', { match: { listeners: ['pg'] }, pools: { a: {} } }, '/match', 'as the service "db"'],
    ['POST', '/v1/explain', { request: { url: 'tcp://pgg' } }, '/request/url', 'did you mean "pg"?'],
    ['POST', '/v1/explain', { request: { url: 'tcp://web' } }, '/request/url', 'reads requests'],
    ['POST', '/v1/explain', { request: { url: 'http://a/', listener: 'pg' } }, '/request/listener', '"tcp://pg"'],
    ['POST', '/v1/explain', { request: { url: 'tcp://pg', method: 'GET' } }, '/request/method', 'of a request'],
  ];
  for (const [method, place, body, pointer, says] of cases) {
    const { status, json } = await admin.call(method, place, body);
    expect([place, body, status, json.errors]).toEqual([
      place,
      body,
      422,
      expect.arrayContaining([{ pointer, detail: expect.stringContaining(says) }]),
    ]);
  }
});

test('each connection has a line in the access log, however it ends', async () => {
  const target = await startTcpTarget(greeting('hello'));
  const file = path.join(temporaryFolder(), 'access.log');
  const { port } = await start({
    listeners: { db: { listen: LISTEN, protocol: 'tcp' }, none: { listen: LISTEN, protocol: 'tcp' } },
    accessLog: { path: file },
    services: {
      db: { match: { listeners: ['db'] }, pools: { only: { version: '17', targets: [{ url: target.url }] } } },
    },
  });
  const client = await TcpClient.connect(port('db'));
  await client.hears('hello\n');
  client.socket.end('abc');
  expect(await client.end()).toBe('fin');
  const [line] = await untilLogged(file, 1);
  expect(line).toEqual({
    time: expect.any(String),
    id: expect.any(String),
    listener: 'db',
    client: '127.0.0.1',
    protocol: 'TCP',
    method: null,
    host: null,
    path: null,
    service: 'db',
    generation: 1,
    pool: 'only',
    version: '17',
    target: `127.0.0.1:${target.port}`,
    status: 0,
    failure: null,
    durationMs: expect.any(Number),
    waitMs: expect.any(Number),
    tries: 1,
    bytesIn: 3,
    bytesOut: 9,
  });
  const broken = await TcpClient.connect(port('db'));
  await broken.hears('hello\n');
  broken.socket.resetAndDestroy();
  const refused = await TcpClient.connect(port('none'));
  expect(await refused.end()).toBe('reset');
  const lines = await untilLogged(file, 3);
  expect(lines).toContainEqual(expect.objectContaining({ status: 499, failure: 'client_closed', bytesOut: 6 }));
  expect(lines).toContainEqual(expect.objectContaining({ service: null, status: 404, failure: 'no_service' }));
});

test('a connection that found a service and no target has one line, and none where the service has none', async () => {
  const file = path.join(temporaryFolder(), 'access.log');
  const services = (accessLog: boolean) => ({
    db: { match: { listeners: ['db'] }, pools: { only: {} }, accessLog },
    held: { match: { listeners: ['held'] }, pools: { only: {} }, pause: { requests: 1, timeout: '100ms' }, accessLog },
  });
  const listeners = {
    db: { listen: LISTEN, protocol: 'tcp' as const },
    held: { listen: LISTEN, protocol: 'tcp' as const },
  };
  const logging = await start({ listeners, accessLog: { path: file }, services: services(true) });
  const quiet = await start({ listeners, accessLog: { path: `${file}.quiet` }, services: services(false) });
  for (const { port } of [quiet, logging]) {
    for (const name of ['db', 'held']) {
      const client = await TcpClient.connect(port(name));
      expect(await client.end()).toBe('reset');
    }
  }
  const lines = await untilLogged(file, 2);
  expect(lines).toHaveLength(2);
  expect(lines).toContainEqual(
    expect.objectContaining({ service: 'db', pool: 'only', target: null, status: 503, failure: 'no_target' }),
  );
  expect(lines).toContainEqual(expect.objectContaining({ service: 'held', pool: null, failure: 'hold_timeout' }));
  expect(readFileSync(`${file}.quiet`, 'utf8')).toBe('');
});
