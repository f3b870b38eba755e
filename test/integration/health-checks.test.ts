import { createServer as createNetServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { HealthChecker, type TargetStatus } from '../../src/control/health/health-checker.ts';
import { createProbe } from '../../src/control/health/create-probe.ts';
import type { HealthCheck, WantedTarget } from '../../src/control/health/wanted-target.ts';
import { eventually } from '../helpers/eventually.ts';
import { RawBackend } from '../helpers/raw-backend.ts';
import { startRawBackend } from '../helpers/start-raw-backend.ts';

const CHECK: HealthCheck = {
  type: 'http',
  method: 'GET',
  headers: [],
  bodyContains: null,
  downIntervalMs: 30,
  path: '/healthz?deep=1',
  intervalMs: 30,
  timeoutMs: 5_000,
  rise: 2,
  fall: 2,
  host: null,
  statuses: [{ from: 200, to: 299 }],
};

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const BROKEN = 'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n';

interface Watch {
  status(): TargetStatus;
  /** "up" and "down", in the order they were reported. */
  readonly reported: readonly string[];
}

function watch(port: number, over: Partial<HealthCheck> = {}, initial: WantedTarget['initial'] = 'up'): Watch {
  const reported: string[] = [];
  const checker = new HealthChecker({
    clock: systemClock,
    random: systemRandom,
    probe: createProbe({ version: '9.9.9' }),
    onChange: (changes) => reported.push(...changes.map(({ up }) => (up ? 'up' : 'down'))),
  });
  onTestFinished(() => checker.close());
  const target = `127.0.0.1:${port}`;
  const check = { ...CHECK, downIntervalMs: over.intervalMs ?? CHECK.intervalMs, ...over };
  checker.setTargets([{ service: 'shop', pool: 'blue', target, host: '127.0.0.1', port, check, initial }]);
  return {
    reported,
    status() {
      const [status] = checker.statuses();
      if (status === undefined) throw new Error('the target is not watched any more');
      return status;
    },
  };
}

async function becomes(watched: Watch, expected: Partial<TargetStatus>): Promise<void> {
  await eventually(() => expect(watched.status()).toMatchObject(expected), 20_000);
}

test('a target that answers 200 comes up after `rise` checks', async () => {
  const target = await startRawBackend({ response: OK });
  const watched = watch(target.port, {}, 'down');
  await becomes(watched, { up: true, failure: null });
  expect(watched.reported).toEqual(['down', 'up']);
  expect(target.requests.length).toBeGreaterThanOrEqual(2);
});

test('the check is a GET of the configured path, names itself, and closes its connection', async () => {
  const target = await startRawBackend({ response: OK });
  await becomes(watch(target.port, {}, 'down'), { up: true });
  const head = target.received.toString('latin1').split('\r\n\r\n', 1)[0]?.toLowerCase().split('\r\n') ?? [];
  expect(head[0]).toBe('get /healthz?deep=1 http/1.1');
  expect(head).toContain(`host: 127.0.0.1:${target.port}`);
  expect(head).toContain('user-agent: cutover-health/9.9.9');
  expect(head).toContain('connection: close');
  expect(target.problems).toEqual([]);
});

test('a configured host is asked for', async () => {
  const target = await startRawBackend({ response: OK });
  await becomes(watch(target.port, { host: 'shop.example.com' }, 'down'), { up: true });
  expect(target.received.toString('latin1').toLowerCase()).toContain('\r\nhost: shop.example.com\r\n');
});

test('every check makes its own connection', async () => {
  const target = await startRawBackend({ response: OK });
  watch(target.port);
  await eventually(() => expect(target.requests.length).toBeGreaterThanOrEqual(3));
  expect(target.connectionsTotal).toBeGreaterThanOrEqual(target.requests.length);
});

test('a target whose listener is gone goes down: refused', async () => {
  const target = await RawBackend.start({ response: OK });
  const { port } = target;
  const watched = watch(port, {}, 'down');
  await becomes(watched, { up: true });
  await target.close();
  await becomes(watched, { up: false, failure: 'refused' });
});

test('a target that resets goes down: reset', async () => {
  const target = await startRawBackend('reset');
  await becomes(watch(target.port), { up: false, failure: 'reset' });
});

test('a target that closes without an answer goes down: reset', async () => {
  const target = await startRawBackend('close');
  await becomes(watch(target.port), { up: false, failure: 'reset' });
});

test('a target that closes inside the body goes down', async () => {
  const target = await startRawBackend({ response: 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok', after: 'close' });
  await becomes(watch(target.port), { up: false });
});

test('a target that takes the request and never answers goes down: timeout', async () => {
  const target = await startRawBackend('silence');
  await becomes(watch(target.port, { timeoutMs: 80 }), { up: false, failure: 'timeout' });
});

test('a target that begins an answer and never ends it goes down: timeout', async () => {
  const target = await startRawBackend({ response: 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok' });
  await becomes(watch(target.port, { timeoutMs: 80 }), { up: false, failure: 'timeout' });
});

test('a target slower than the timeout goes down, a slow one within it stays up', async () => {
  const slow = await startRawBackend({ response: OK, pieces: 10, pieceGapMs: 25 });
  await becomes(watch(slow.port, { timeoutMs: 60 }), { up: false, failure: 'timeout' });
  await becomes(watch(slow.port, { timeoutMs: 2000 }, 'down'), { up: true });
});

test('a timed-out check lets go of its connection', async () => {
  const target = await startRawBackend('silence');
  const watched = watch(target.port, { timeoutMs: 50, intervalMs: 60_000, fall: 1 });
  await becomes(watched, { up: false, failure: 'timeout' });
  await eventually(() => expect(target.connectionsOpen).toBe(0));
});

test('a target that answers 500 goes down and comes back when it answers 200', async () => {
  const target = await startRawBackend({ response: BROKEN });
  const watched = watch(target.port);
  await becomes(watched, { up: false, failure: 'status 500' });
  target.answers = { response: OK };
  await becomes(watched, { up: true, failure: null });
  expect(watched.reported).toEqual(['up', 'down', 'up']);
});

test('a status that was not asked for is a failure, one that was is not', async () => {
  const target = await startRawBackend({ response: 'HTTP/1.1 204 No Content\r\n\r\n' });
  await becomes(watch(target.port, { statuses: [{ from: 200, to: 200 }] }), { up: false, failure: 'status 204' });
  await becomes(watch(target.port, { statuses: [{ from: 204, to: 204 }] }, 'down'), { up: true });
});

test('a redirect is not followed', async () => {
  const elsewhere = await startRawBackend({ response: OK });
  const target = await startRawBackend({
    response: `HTTP/1.1 302 Found\r\nLocation: ${elsewhere.url}/healthz\r\nContent-Length: 0\r\n\r\n`,
  });
  await becomes(watch(target.port), { up: false, failure: 'status 302' });
  expect(elsewhere.connectionsTotal).toBe(0);
});

test('a target that does not speak HTTP goes down: bad response', async () => {
  const target = await startRawBackend({ response: '220 mail.example.com ESMTP\r\n' });
  await becomes(watch(target.port), { up: false, failure: 'bad response' });
});

test('a target whose answer has no end is up, and is not read for ever', async () => {
  const server = createNetServer((socket) => {
    socket.on('error', () => {});
    socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n');
    const chunk = Buffer.alloc(16 * 1024, 'x');
    const pump = (): void => {
      if (socket.destroyed) return;
      if (socket.write(chunk)) setImmediate(pump);
      else socket.once('drain', pump);
    };
    pump();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const watched = watch(
    (server.address() as AddressInfo).port,
    { intervalMs: 60_000, rise: 1, timeoutMs: 5000 },
    'down',
  );
  await becomes(watched, { up: true });
  await eventually(() => expect(countConnections(server)).resolves.toBe(0));
});

test('a target that fails every other check stays as it was', async () => {
  const target = await startRawBackend((_request, nth) => ({ response: nth % 2 === 0 ? BROKEN : OK }));
  const watched = watch(target.port);
  await eventually(() => expect(target.requests.length).toBeGreaterThanOrEqual(12));
  expect(watched.reported).toEqual(['up']);
});

function countConnections(server: ReturnType<typeof createNetServer>): Promise<number> {
  return new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
  );
}

test('a check has the method and the fields that were configured', async () => {
  const target = await startRawBackend({ response: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n' });
  const headers = [
    ['authorization', 'Bearer 123'],
    ['user-agent', 'mine'],
  ] as const;
  await becomes(watch(target.port, { method: 'HEAD', headers }, 'down'), { up: true });
  const head = target.received.toString('latin1').split('\r\n\r\n', 1)[0]?.toLowerCase().split('\r\n') ?? [];
  expect(head[0]).toBe('head /healthz?deep=1 http/1.1');
  expect(head).toContain('authorization: bearer 123');
  expect(head).toContain('user-agent: mine');
});

test('an answer without the text that was asked for does not pass', async () => {
  const target = await startRawBackend({ response: OK });
  await becomes(watch(target.port, { bodyContains: 'ready' }), { up: false, failure: 'wrong body' });
  await becomes(watch(target.port, { bodyContains: 'ok' }, 'down'), { up: true });
});

test('text behind the first 64 KiB of an answer is not looked for', async () => {
  const filler = 'x'.repeat(64 * 1024 - 1);
  const response = `HTTP/1.1 200 OK\r\nContent-Length: ${filler.length + 2}\r\n\r\n${filler}ok`;
  const target = await startRawBackend({ response });
  await becomes(watch(target.port, { bodyContains: 'ok' }), { up: false, failure: 'wrong body' });
  await becomes(watch(target.port, { bodyContains: 'xo' }, 'down'), { up: true });
});

test('a redirect is an answer, and never followed', async () => {
  const elsewhere = await startRawBackend({ response: OK });
  const location = `http://127.0.0.1:${elsewhere.port}/`;
  const target = await startRawBackend({
    response: `HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`,
  });
  await becomes(watch(target.port), { up: false, failure: 'status 302' });
  expect(elsewhere.connectionsTotal).toBe(0);
});

test('a check by TCP passes where a connection can be made, and says nothing on it', async () => {
  const target = await startRawBackend('silence');
  const watched = watch(target.port, { type: 'tcp' }, 'down');
  await becomes(watched, { up: true, failure: null });
  expect(target.received.length).toBe(0);
  await eventually(() => expect(target.connectionsTotal).toBeGreaterThan(2));
  await target.close();
  await becomes(watched, { up: false, failure: 'refused' });
});
