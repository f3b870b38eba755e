/** Many at once, and none of them nice: what one client or target does must not be felt by the others. */
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { startBackend } from '../helpers/start-backend.ts';
import { Backend } from '../helpers/backend.ts';
import { ask as askNoted, patient, plain, streaming, uploading } from '../helpers/client-temper.ts';
import { eventually } from '../helpers/eventually.ts';
import { HttpClient } from '../helpers/http-client.ts';
import { RequestLedger } from '../helpers/request-ledger.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { turn } from '../helpers/write-pieces.ts';
import { appService, startProxy, type TestProxy } from '../helpers/start-proxy.ts';

async function expectBalanced(proxy: TestProxy): Promise<void> {
  await eventually(async () => expect(await proxy.admin.metric('cutover_requests_in_flight')).toBe(0));
  expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
}

test('200 clients that send a byte now and then do not slow down one that does not', async () => {
  const backend = await startBackend('v1');
  const proxy = await startProxy({
    services: appService({ only: backend }),
    listener: { timeouts: { requestHead: '2s' } },
  });
  const slow = Array.from({ length: 200 }, () => {
    const socket = connect(proxy.port, '127.0.0.1').on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    socket.write('GET / HTTP/1.1\r\nX-A: ');
    return socket.resume();
  });
  const dripping = setInterval(() => slow.forEach((socket: Socket) => socket.writable && socket.write('a')), 100);
  onTestFinished(() => clearInterval(dripping));

  const client = await startClient(proxy.port);
  const times: number[] = [];
  for (let count = 0; count < 200; count += 1) {
    const { startedAt, endedAt, status } = await client.request();
    expect(status).toBe(200);
    times.push(endedAt - startedAt);
  }
  // Well before the head of one of the slow ones is overdue.
  expect(times.toSorted((one, other) => one - other)[190]).toBeLessThan(1_000);
  await eventually(() => expect(slow.every((socket) => socket.destroyed || socket.readableEnded)).toBe(true));
  expect(backend.requests.length).toBe(200);
  await expectBalanced(proxy);
});

test('200 clients that vanish in the middle of everything leave nothing behind', async () => {
  const backend = await startBackend('v1');
  const proxy = await startProxy({ services: appService({ only: backend }) });
  const pieces = {
    bytes: Array.from({ length: 600 }, () => Buffer.alloc(500)),
    gapMs: 100,
    framing: 'chunked' as const,
  };
  // A minute each: none is whole by the time that all are under way.
  const requests = [
    { path: '/hold' },
    { path: '/download?bytes=5000000&piece=5000&gap=60' },
    { method: 'POST', path: '/upload', pieces },
    { path: '/slow?ms=60000' },
  ];
  const clients = await Promise.all(Array.from({ length: 200 }, () => HttpClient.connect(proxy.port)));
  const answers = clients.map((client, index) =>
    client.request(requests[index % 4]).then(
      () => 'whole',
      () => 'broken',
    ),
  );
  await eventually(() => expect(backend.requests.length).toBe(200), 20_000);
  clients.forEach((client, index) => (index % 2 === 0 ? client.reset() : client.close()));
  expect(new Set(await Promise.all(answers))).toEqual(new Set(['broken']));
  await expectBalanced(proxy);
  await eventually(() => expect(backend.requests.every(({ outcome }) => outcome === 'aborted')).toBe(true));
  expect((await ask(proxy.port)).status).toBe(200);
});

test('one of three targets that is not there costs nobody an answer', async () => {
  const backends = await Promise.all(['v1', 'v2', 'v3'].map((version) => startBackend(version)));
  const proxy = await startProxy({ services: appService({ only: backends }, { timeouts: { responseHead: '2s' } }) });
  await backends[1]?.close();
  const answers = await Promise.all(
    Array.from({ length: 300 }, (_, index) => ask(proxy.port, { method: index % 2 === 0 ? 'GET' : 'POST' })),
  );
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  await expectBalanced(proxy);
});

test('a target that dies and comes back under load costs no more than what was under way', async () => {
  const ledger = new RequestLedger();
  const stopping = new AbortController();
  const steady = await startBackend('steady');
  let mortal = await Backend.start('mortal');
  onTestFinished(() => mortal.close());
  const { port: mortalPort } = mortal;
  const proxy = await startProxy({
    services: appService({ only: [steady, mortal] }, { timeouts: { responseHead: '2s' } }),
  });
  const hammering = { port: proxy.port, ledger, stop: stopping.signal };
  const clients = [plain, plain, plain, plain, patient, patient, streaming, uploading].map((temper) =>
    temper(hammering),
  );
  const all: Backend[] = [mortal];
  const excused = new Set<string>();
  for (let death = 0; death < 4; death += 1) {
    await hasServed(mortal);
    for (const { id, version, failure } of ledger.entries.values()) {
      if (version === null && failure === null) excused.add(id);
    }
    const killedAt = performance.now();
    mortal.kill();
    await mortal.close();
    mortal = await Backend.start('mortal', { port: mortalPort });
    all.push(mortal);
    // What changes something may have been sent meanwhile on a connection whose end the proxy had not come to read.
    await turn();
    await turn();
    for (const { id, kind, startedAt } of ledger.entries.values()) {
      if (kind === 'uploading' && startedAt >= killedAt) excused.add(id);
    }
  }
  await hasServed(mortal);
  stopping.abort();
  await Promise.all(clients);

  const balance = ledger.balance([steady, ...all]);
  expect(balance.failed.filter((failure) => !excused.has(failure.slice(0, failure.indexOf(':'))))).toEqual([]);
  expect(balance.truncated).toEqual([]);
  expect(balance.wrongPool).toEqual([]);
  // An idempotent request may be sent again; one that changes something may not.
  expect(balance.duplicated.filter((id) => id.startsWith('uploading'))).toEqual([]);
  await expectBalanced(proxy);
});

/** Its share of the load. */
async function hasServed({ requests }: Backend): Promise<void> {
  await eventually(() => expect(requests.length).toBeGreaterThan(15), 15_000);
}

test(
  'two operators that flip against each other leave every request with one application',
  { timeout: 60_000 },
  async () => {
    const blue = await startBackend('blue');
    const green = await startBackend('green');
    const proxy = await startProxy({ services: appService({ blue, green }) });
    const before = await proxy.admin.metric('cutover_generation');
    const ledger = new RequestLedger();
    const stopping = new AbortController();
    const hammering = { port: proxy.port, ledger, stop: stopping.signal };
    const clients = Array.from({ length: 12 }, (_, index) => (index % 3 === 0 ? uploading : plain)(hammering));
    const flips = await Promise.all(
      ['blue', 'green'].map(async (to) => {
        const receipts = [];
        for (let count = 0; count < 100; count += 1) receipts.push(await proxy.admin.cutover('app', to));
        return receipts;
      }),
    );
    stopping.abort();
    await Promise.all(clients);

    const generations = flips.flat().map(({ generation }) => generation.after);
    expect(new Set(generations).size).toBe(200);
    expect(Math.max(...generations)).toBe(before + 200);
    expect(flips.flat().every(({ generation }) => generation.after === generation.before + 1)).toBe(true);
    const { requests, ...balance } = ledger.balance([blue, green]);
    expect(requests).toBeGreaterThan(100);
    expect(balance).toEqual({ failed: [], lost: [], duplicated: [], wrongPool: [], truncated: [] });
    await expectBalanced(proxy);
  },
);

test('a request keeps its target when that is taken out of its pool', async () => {
  const first = await startBackend('first');
  const second = await startBackend('second');
  const proxy = await startProxy({ services: appService({ only: first }) });
  const ledger = new RequestLedger();
  const client = await startClient(proxy.port);
  const entry = ledger.begin('held');
  const answered = askNoted(client, entry, { path: '/hold' });
  await eventually(() => expect(first.held).toBe(1));
  await proxy.admin.must('PUT', '/v1/services/app/pools/only', { version: 'second', targets: [{ url: second.url }] });
  expect((await ask(proxy.port)).field('x-version')).toBe('second');
  first.release();
  await answered;
  expect(entry).toMatchObject({ version: 'first', failure: null });
  await eventually(() => expect(first.connectionsOpen).toBe(0));
  await expectBalanced(proxy);
});
