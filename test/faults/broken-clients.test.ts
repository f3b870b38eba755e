/**
 * Clients that are slow, that close their side, or that vanish: they get what they can still take, the target is told,
 * nobody else notices, and each request is in the account once.
 */
import { describe, expect, test } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { HttpClient, type ClientRequest } from '../helpers/http-client.ts';
import { rawExchange } from '../helpers/raw-client.ts';
import { RequestLedger } from '../helpers/request-ledger.ts';
import { startClient } from '../helpers/start-client.ts';
import { expectAccount, failuresFor, outcomesOf, send, startBroken } from './broken-world.ts';
import { startFaultProxy } from './fault-proxy.ts';
import { SteadyLoad } from './steady-load.ts';

/** The application sees at once that its client has gone; a busy machine may need a while, and no limit in time is as short. */
const TOLD_MS = 5_000;

describe('two hundred clients that are slow on purpose', () => {
  const HEADS = 95;
  const BODIES = 95;
  /** More than all buffers on the way hold. */
  const UNREAD = '/download?bytes=40000000';
  const READERS = 10;
  const PATIENCE_MS = 15_000;

  test('in their heads, in their bodies and in reading are ended in time, and all the others are served', async () => {
    const ledger = new RequestLedger();
    const service = { timeouts: { requestBodyIdle: '1500ms', responseBodyIdle: '1500ms' } };
    const world = await startBroken({ service, listener: { timeouts: { requestHead: '2s' } }, ledger });
    const load = new SteadyLoad({ port: world.proxy.port, clients: 10, ratePerSecond: 100, ledger });
    const port = world.proxy.port;

    const heads = Array.from({ length: HEADS }, () =>
      rawExchange({ port, bytes: Buffer.from('GET / HTTP/1.1\r\nX-A: '), parts: drips(150), waitMs: 5_000 }),
    );
    const bodies = Array.from({ length: BODIES }, () => {
      const pieces = { bytes: [Buffer.from('a'), Buffer.alloc(9_999)], gapMs: 4_500, framing: 'length' } as const;
      return send(world, { method: 'POST', path: '/upload', pieces });
    });
    const readers = await Promise.all(
      Array.from({ length: READERS }, async () => {
        const client = await startClient(port);
        const sent = send(world, { path: UNREAD }, client);
        client.pause();
        return { client, sent };
      }),
    );

    for (const { entry } of await Promise.all(bodies)) expect(entry.failure).toBe('status 408');
    const stalled = async () => expect(await failuresFor(world, 'client_stalled')).toBe(READERS);
    await eventually(stalled, PATIENCE_MS);
    for (const { client, sent } of readers) {
      client.resume();
      expect((await sent).entry.failure).toMatch(/^connection ended/);
    }
    for (const { received } of await Promise.all(heads)) expect(received.toString()).toMatch(/^HTTP\/1\.1 408 /);
    await load.stop();
    expect(outcomesOf(world)).toMatchObject({ old: load.requests.length, 'status 408': BODIES });
    await expectAccount(world);
  });

  /** A byte at a time, for longer than any head may take. */
  function drips(delayMs: number) {
    return Array.from({ length: 30 }, () => ({ bytes: Buffer.from('a'), delayMs }));
  }
});

describe('a client that closes its side', () => {
  test('behind its request gets its answer', async () => {
    const world = await startBroken();
    const client = await startClient(world.proxy.port);
    const sent = send(world, { path: '/slow?ms=100' }, client);
    await eventually(() => expect(world.backends[0]?.requests.length).toBe(1));
    client.halfClose();
    expect((await sent).entry).toMatchObject({ version: 'old', failure: null });
    expect(await client.ended()).toBe('fin');
    await expectAccount(world);
  });

  test('inside of its request has not made one: the application is not shown a part for the whole', async () => {
    const world = await startBroken();
    const client = await startClient(world.proxy.port);
    const pieces = { bytes: [Buffer.alloc(500), Buffer.alloc(500)], gapMs: 60_000, framing: 'length' } as const;
    const sent = send(world, { method: 'POST', path: '/upload', pieces }, client);
    await eventually(() => expect(world.backends[0]?.requests.length).toBe(1));
    client.halfClose();
    await eventually(() => expect(world.backends[0]?.requests[0]?.outcome).toBe('aborted'), TOLD_MS);
    await client.ended();
    world.ledger.entries.forEach((entry) => expect(entry.version).toBe(null));
    sent.catch(() => {});
    await expectAccount(world);
  });
});

describe('a client that vanishes', () => {
  const BODY = { bytes: [Buffer.alloc(20_000), Buffer.alloc(20_000)], gapMs: 300, framing: 'chunked' } as const;
  const STAGES: readonly (readonly [string, ClientRequest])[] = [
    ['while it waits for its answer', { path: '/hold' }],
    ['inside of its body', { method: 'POST', path: '/upload', pieces: BODY }],
    ['inside of its answer', { path: '/download?bytes=5000000&piece=5000&gap=10' }],
  ];

  test.each(STAGES)("%s: the application is told at once, and it is counted as the client's", async (_, request) => {
    const world = await startBroken();
    // Closed, reset, and reset by something in between.
    const between = await startFaultProxy(world.proxy.port);
    const clients = [
      await HttpClient.connect(world.proxy.port),
      await HttpClient.connect(world.proxy.port),
      await HttpClient.connect(between.port),
    ];
    const sent = clients.map((client) => send(world, request, client));
    await eventually(() => expect(world.backends[0]?.requests.length).toBe(clients.length));
    clients[0]?.close();
    clients[1]?.reset();
    between.resetAll();
    for (const { entry } of await Promise.all(sent)) expect(entry.version).toBe(null);
    const outcomes = () => world.backends[0]?.requests.map(({ outcome }) => outcome);
    await eventually(() => expect(outcomes()).toEqual(['aborted', 'aborted', 'aborted']), TOLD_MS);
    expect(await failuresFor(world, 'client_closed')).toBe(clients.length);
    await expectAccount(world);
  });
});
