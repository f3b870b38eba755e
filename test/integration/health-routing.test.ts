/** What health checks do to traffic, as clients and operators see it. */
import { expect, onTestFinished, test } from 'vitest';
import { AdminClient } from '../helpers/admin-client.ts';
import { eventually } from '../helpers/eventually.ts';
import { openProxy } from '../helpers/open-proxy.ts';
import type { RawBackend } from '../helpers/raw-backend.ts';
import { ask } from '../helpers/start-client.ts';
import { appService, startProxy, type TestProxy } from '../helpers/start-proxy.ts';
import { startRawBackend } from '../helpers/start-raw-backend.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const HEALTH = { path: '/healthz', interval: '30ms', timeout: '10s', rise: 2, fall: 2 };

interface App {
  readonly version: string;
  readonly url: string;
  readonly target: string;
  readonly backend: RawBackend;
  isWell: boolean;
}

/** An application that answers with its name, and its checks with whether it is well. */
async function startApp(version: string, isWell = true): Promise<App> {
  const backend = await startRawBackend((request) => {
    if (!request.startLine.startsWith('GET /healthz ')) return respond('200 OK', version);
    return app.isWell ? respond('200 OK', 'ok') : respond('503 Service Unavailable', 'not yet');
  });
  const app: App = { version, url: backend.url, target: `127.0.0.1:${backend.port}`, backend, isWell };
  return app;
}

function respond(status: string, body: string) {
  return { response: `HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n\r\n${body}` };
}

/** Who answers so many requests, one after the other. */
async function answersOf(proxy: TestProxy, count: number): Promise<Set<string>> {
  const answers = new Set<string>();
  for (let i = 0; i < count; i++) {
    const { status, body } = await ask(proxy.port);
    answers.add(status === 200 ? body.toString() : String(status));
  }
  return answers;
}

function targetUp(proxy: TestProxy, app: App): Promise<number> {
  return proxy.admin.metric('cutover_target_up', { target: app.target });
}

test('a target that fails its checks gets no requests until it passes them again', async () => {
  const [one, two] = [await startApp('one'), await startApp('two')];
  const proxy = await startProxy({ services: appService({ blue: [one, two] }, { health: HEALTH }) });
  expect(await answersOf(proxy, 4)).toEqual(new Set(['one', 'two']));
  one.isWell = false;
  await eventually(async () => expect(await targetUp(proxy, one)).toBe(0));
  expect(await answersOf(proxy, 10)).toEqual(new Set(['two']));
  one.isWell = true;
  await eventually(async () => expect(await targetUp(proxy, one)).toBe(1));
  expect(await answersOf(proxy, 4)).toEqual(new Set(['one', 'two']));
});

test('where every target has failed its checks the answer is 503, and 200 again once one passes', async () => {
  const app = await startApp('one');
  const proxy = await startProxy({ services: appService({ blue: app }, { health: HEALTH }) });
  app.isWell = false;
  await eventually(async () => expect((await ask(proxy.port)).status).toBe(503));
  app.isWell = true;
  await eventually(async () => expect((await ask(proxy.port)).status).toBe(200));
});

test('targets of the start-up configuration take requests at once, or after their checks where it says so', async () => {
  const app = await startApp('one', false);
  const slow = { ...HEALTH, interval: '1h' };
  const open = await startProxy({ services: appService({ blue: app }, { health: slow }) });
  expect((await ask(open.port)).status).toBe(200);
  const shut = await startProxy({ services: appService({ blue: app }, { health: { ...slow, initialState: 'down' } }) });
  expect((await ask(shut.port)).status).toBe(503);
});

test('a pool made while running is down until its checks pass: a cutover to it is refused, then done', async () => {
  const [blue, green] = [await startApp('blue'), await startApp('green', false)];
  const proxy = await startProxy({ services: appService({ blue }, { health: HEALTH }) });
  await proxy.admin.must('PUT', '/v1/services/app/pools/green', { targets: [{ url: green.url }] });
  const refused = await proxy.admin.call('POST', '/v1/services/app/cutovers', { to: 'green' });
  expect(refused.status).toBe(409);
  expect(await answersOf(proxy, 3)).toEqual(new Set(['blue']));
  green.isWell = true;
  const receipt = await eventually(() => proxy.admin.cutover('app', 'green'));
  expect(receipt.to).toEqual({ green: 100 });
  expect(await answersOf(proxy, 3)).toEqual(new Set(['green']));
});

test('a target added while running gets no request before its checks pass', async () => {
  const [one, two] = [await startApp('one'), await startApp('two', false)];
  const proxy = await startProxy({ services: appService({ blue: one }, { health: HEALTH }) });
  await proxy.admin.must('PUT', '/v1/services/app/pools/blue', { targets: [{ url: one.url }, { url: two.url }] });
  expect(await answersOf(proxy, 10)).toEqual(new Set(['one']));
  two.isWell = true;
  await eventually(async () => expect(await answersOf(proxy, 4)).toEqual(new Set(['one', 'two'])));
});

test('a change of the service leaves a target down that its checks have taken down', async () => {
  const [one, two] = [await startApp('one'), await startApp('two')];
  const proxy = await startProxy({ services: appService({ blue: [one, two] }, { health: HEALTH }) });
  one.isWell = false;
  await eventually(async () => expect(await targetUp(proxy, one)).toBe(0));
  await proxy.admin.must('PATCH', '/v1/services/app', { algorithm: 'least-connections' });
  expect(await targetUp(proxy, one)).toBe(0);
  expect(await answersOf(proxy, 10)).toEqual(new Set(['two']));
});

test('a service without checks has targets that are up, and is never asked', async () => {
  const [blue, green] = [await startApp('blue', false), await startApp('green', false)];
  const proxy = await startProxy({ services: appService({ blue, green }) });
  expect((await proxy.admin.cutover('app', 'green')).to).toEqual({ green: 100 });
  expect(await answersOf(proxy, 2)).toEqual(new Set(['green']));
  const asked = [blue, green].flatMap(({ backend }) => backend.requests.map(({ startLine }) => startLine));
  expect(asked.filter((line) => line.includes('/healthz'))).toEqual([]);
});

test('a target that was down when the proxy ended gets nothing from the next one before its checks pass', async () => {
  const [one, two] = [await startApp('one'), await startApp('two', false)];
  const folder = temporaryFolder();
  const config = (interval: string) => ({
    listeners: { web: { listen: '127.0.0.1:0' } },
    admin: { listen: '127.0.0.1:0' },
    state: { path: folder },
    workers: 0,
    services: appService({ blue: [one, two] }, { health: { ...HEALTH, interval } }),
  });
  const first = await openProxy(config('30ms'));
  const admin = new AdminClient(first.adminUrl);
  await eventually(async () => expect(await admin.metric('cutover_target_up', { target: two.target })).toBe(0));
  await first.close();
  two.isWell = true;

  // The first check passes, and the second that is needed never comes.
  const second = await openProxy(config('1h'));
  onTestFinished(() => second.close());
  for (let i = 0; i < 10; i += 1) expect((await ask(second.port)).body.toString()).toBe('one');
});
