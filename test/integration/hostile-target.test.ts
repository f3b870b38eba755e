/**
 * Targets that refuse, reset, hang and talk nonsense: the client gets a 502 or 504 with nothing of the target's in it,
 * or an answer that is visibly broken off; the operator gets a reason; and the next request is served.
 */
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import type { RawAnswers } from '../helpers/raw-backend.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { appService, startProxy, type TestProxy } from '../helpers/start-proxy.ts';
import { startRawBackend } from '../helpers/start-raw-backend.ts';

const TIMEOUTS = { connect: '1500ms', responseHead: '1500ms', responseBodyIdle: '1500ms' } as const;
const PLAIN = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

async function startHostile(answers: RawAnswers) {
  const target = await startRawBackend((request, nth) => {
    if (request.startLine.startsWith('GET /well ')) return { response: PLAIN };
    return typeof answers === 'function' ? answers(request, nth) : answers;
  });
  const proxy = await startProxy({
    services: appService({ only: { version: '1', url: target.url } }, { timeouts: TIMEOUTS }),
  });
  return { target, proxy };
}

/** Everybody is accounted for, the failure has its reason, and the service goes on. */
async function expectReason(proxy: TestProxy, reason: string): Promise<void> {
  await eventually(async () => {
    expect(await proxy.admin.metrics('cutover_failures_total', { reason })).toEqual([
      [expect.stringContaining('pool="only"'), 1],
    ]);
  });
  expect(await proxy.admin.metric('cutover_requests_in_flight', { service: 'app' })).toBe(0);
  expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
}

async function expectWell(proxy: TestProxy): Promise<void> {
  expect((await ask(proxy.port, { path: '/well' })).body.toString()).toBe('ok');
}

describe('before an answer has begun, the client gets the 5xx of the proxy', () => {
  test.each<[what: string, answers: RawAnswers, status: number, reason: string]>([
    ['closes without a word', 'close', 502, 'upstream_closed'],
    ['resets', 'reset', 502, 'upstream_reset'],
    ['says nothing', 'silence', 504, 'response_timeout'],
    ['ends inside the head', { response: 'HTTP/1.1 200 OK\r\nX-Secret: s', after: 'close' }, 502, 'upstream_closed'],
    ['resets inside the head', { response: 'HTTP/1.1 200 OK\r\nX-Secret: s', after: 'reset' }, 502, 'upstream_reset'],
    ['stops inside the head', { response: 'HTTP/1.1 200 OK\r\nX-Secret: s' }, 504, 'response_timeout'],
    ['is not HTTP', { response: 'SSH-2.0-OpenSSH_9.9\r\n\r\n' }, 502, 'upstream_malformed'],
    ['answers in HTTP/2', { response: 'HTTP/2 200\r\n\r\n' }, 502, 'upstream_malformed'],
    [
      'has two lengths',
      { response: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!' },
      502,
      'upstream_malformed',
    ],
    [
      'switches protocols unasked',
      { response: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n' },
      502,
      'upstream_malformed',
    ],
    [
      'has an endless head',
      { response: `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(100_000)}\r\n\r\n` },
      502,
      'upstream_head_too_large',
    ],
    [
      'has endless fields',
      { response: `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(300)}\r\n` },
      502,
      'upstream_head_too_large',
    ],
    ['sends interim answers for ever', { response: 'HTTP/1.1 103 X\r\n\r\n'.repeat(1000) }, 502, 'upstream_malformed'],
  ])('of one that %s', async (_, answers, status, reason) => {
    const { proxy } = await startHostile(answers);
    const response = await ask(proxy.port, { path: '/ill' });
    expect(response.status).toBe(status);
    expect(response.message.head + response.body.toString()).not.toContain('X-Secret');
    await expectReason(proxy, reason);
    await expectWell(proxy);
  });

  test('of one that refuses', async () => {
    const target = await startRawBackend('silence');
    const { url } = target;
    await target.close();
    const proxy = await startProxy({ services: appService({ only: { version: '1', url } }) });
    expect((await ask(proxy.port)).status).toBe(502);
    await expectReason(proxy, 'connect_refused');
  });

  test('of one that accepts no connection', async () => {
    const full = await startFull();
    const proxy = await startProxy({
      services: appService({ only: { version: '1', url: full } }, { timeouts: TIMEOUTS }),
    });
    const startedAt = performance.now();
    expect((await ask(proxy.port)).status).toBe(504);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    await expectReason(proxy, 'connect_timeout');
  });

  test('of none, where the pool is empty', async () => {
    const proxy = await startProxy({ services: { app: { pools: { only: { targets: [] } } } } });
    const response = await ask(proxy.port);
    expect(response.status).toBe(503);
    expect(Number(response.field('retry-after'))).toBeGreaterThan(0);
  });
});

describe('after an answer has begun, the client gets an answer that is visibly broken off', () => {
  const COUNTED = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal';
  const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhal\r\n';

  test.each<[what: string, answers: RawAnswers, reason: string]>([
    ['closes inside a counted body', { response: COUNTED, after: 'close' }, 'upstream_truncated'],
    ['resets inside a counted body', { response: COUNTED, after: 'reset' }, 'upstream_truncated'],
    ['closes between chunks', { response: CHUNKED, after: 'close' }, 'upstream_truncated'],
    ['stops inside a counted body', { response: COUNTED }, 'upstream_stalled'],
    ['stops between chunks', { response: CHUNKED }, 'upstream_stalled'],
    ['breaks the chunks', { response: CHUNKED, late: 'zz\r\n' }, 'upstream_malformed'],
  ])('of one that %s', async (_, answers, reason) => {
    const { proxy } = await startHostile(answers);
    const client = await startClient(proxy.port);
    await expect(client.request({ path: '/ill' })).rejects.toThrow(/connection ended/);
    await expectReason(proxy, reason);
    await expectWell(proxy);
  });
});

describe('a target that says more than it was asked for', () => {
  test('loses the connection, and nobody gets what it said', async () => {
    const { target, proxy } = await startHostile({ response: PLAIN });
    for (let round = 0; round < 5; round += 1) {
      expect((await ask(proxy.port)).body.toString()).toBe('ok');
      target.blurt('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
      await eventually(() => expect(target.connectionsOpen).toBe(0));
      expect((await ask(proxy.port, { path: '/well' })).body.toString()).toBe('ok');
    }
  });

  test('in the same breath as its answer loses it as well', async () => {
    const { target, proxy } = await startHostile({
      response: `${PLAIN}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`,
    });
    for (let round = 0; round < 5; round += 1) expect((await ask(proxy.port)).body.toString()).toBe('ok');
    expect(target.connectionsTotal).toBe(5);
  });
});

describe('many hostile answers at once', () => {
  test('leave nothing behind: no request in flight, no connection, no crash', async () => {
    const answers: RawAnswers[] = [
      'close',
      'reset',
      { response: 'nonsense\r\n\r\n' },
      { response: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx', after: 'reset' },
    ];
    const { target, proxy } = await startHostile((_, nth) => {
      const answer = answers[nth % answers.length];
      return typeof answer === 'object' || typeof answer === 'string' ? answer : 'close';
    });
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, () =>
        ask(proxy.port, { method: 'POST', path: '/ill' }).then(
          ({ status }) => status,
          () => 0,
        ),
      ),
    );
    expect(outcomes.every((status) => status === 0 || status === 502)).toBe(true);
    await eventually(async () => expect(await proxy.admin.metric('cutover_requests_in_flight')).toBe(0));
    expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
    await eventually(() => expect(target.connectionsOpen).toBe(0));
    await expectWell(proxy);
  });
});

/** An address whose queue is full, because its process has stopped: connections are neither made nor refused. */
async function startFull(): Promise<string> {
  const stopped = `const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    require('node:fs').writeSync(1, String(server.address().port));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;
  const child = spawn(process.execPath, ['-e', stopped], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const port = Number(await new Promise<Buffer>((resolve) => child.stdout.once('data', resolve)));
  for (let waiting = 0; waiting < 4; waiting += 1) {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  return `http://127.0.0.1:${port}`;
}
