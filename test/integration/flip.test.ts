/**
 * The promise that everything here hangs on: when the answer to a cutover arrives, no request that begins later goes
 * to the old pool, and none that was under way is cut.
 */
import { describe, expect, onTestFinished, test } from 'vitest';
import WebSocket from 'ws';
import { downloadBody, type Backend } from '../helpers/backend.ts';
import {
  ask as askNoted,
  checkDownload,
  checkUpload,
  patient,
  pipelining,
  plain,
  slowReader,
  slowUploading,
  streaming,
  uploading,
  type Temper,
} from '../helpers/client-temper.ts';
import { eventually } from '../helpers/eventually.ts';
import type { HttpClient } from '../helpers/http-client.ts';
import { RequestLedger } from '../helpers/request-ledger.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { appService, startProxy, type TestProxy } from '../helpers/start-proxy.ts';

const CLEAN = { failed: [], lost: [], duplicated: [], wrongPool: [], truncated: [] };

interface World {
  readonly proxy: TestProxy;
  readonly blue: Backend;
  readonly green: Backend;
}

async function startWorld(): Promise<World> {
  const blue = await startBackend('blue');
  const green = await startBackend('green');
  const proxy = await startProxy({ services: appService({ blue, green }) });
  return { proxy, blue, green };
}

describe('500 flips, back and forth, under 64 clients', () => {
  /** So many requests that began after a receipt are at an application before the next flip, however slow the machine. */
  const BOUND_BY_EACH = 5;
  const CLIENTS: readonly (readonly [count: number, temper: Temper])[] = [
    [24, plain],
    [8, patient],
    [8, pipelining],
    [8, streaming],
    [6, slowReader],
    [6, uploading],
    [4, slowUploading],
  ];

  test('no request fails, is cut short, or goes to the old pool after the receipt', { timeout: 240_000 }, async () => {
    const { proxy, blue, green } = await startWorld();
    const before = await proxy.admin.metric('cutover_generation');
    const ledger = new RequestLedger();
    const stopping = new AbortController();
    const hammering = { port: proxy.port, ledger, stop: stopping.signal };
    const clients = CLIENTS.flatMap(([count, temper]) => Array.from({ length: count }, () => temper(hammering)));
    const flips = await flip(proxy, 500, { ledger, backends: [blue, green] });
    stopping.abort();
    await Promise.all(clients);

    const { requests, ...balance } = ledger.balance([blue, green]);
    expect(balance).toEqual(CLEAN);
    expect(requests).toBeGreaterThan(500 * BOUND_BY_EACH);
    const bound = boundRequests(ledger, [blue, green], flips);
    expect(bound.filter(({ version, promised }) => version !== promised)).toEqual([]);
    expect(bound.length).toBeGreaterThanOrEqual(500 * BOUND_BY_EACH);
    expect(await proxy.admin.metric('cutover_generation')).toBe(before + 500);
    expect(await proxy.admin.metric('cutover_cutovers_total', { service: 'app' })).toBe(500);
    expect(await proxy.admin.metric('cutover_failures_total')).toBe(0);
    expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
  });

  interface Flip {
    readonly to: string;
    readonly askedAt: number;
    readonly receivedAt: number;
  }

  interface Account {
    readonly ledger: RequestLedger;
    readonly backends: readonly Backend[];
  }

  async function flip(proxy: TestProxy, times: number, account: Account): Promise<Flip[]> {
    const flips: Flip[] = [{ to: 'blue', askedAt: 0, receivedAt: 0 }];
    for (let count = 0; count < times; count += 1) {
      const to = count % 2 === 0 ? 'green' : 'blue';
      const askedAt = performance.now();
      await proxy.admin.cutover('app', to);
      const receivedAt = performance.now();
      flips.push({ to, askedAt, receivedAt });
      await arrivalsOfLater(account, receivedAt);
    }
    return flips;
  }

  /** Resolves once enough requests that began later than `sinceMs` are at an application. */
  async function arrivalsOfLater({ ledger, backends }: Account, sinceMs: number): Promise<void> {
    const known = backends.map(({ requests }) => requests.length);
    const isLater = ({ id }: { readonly id: string }) => (ledger.entries.get(id)?.startedAt ?? 0) > sinceMs;
    let count = 0;
    while (count < BOUND_BY_EACH) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      count = backends.flatMap(({ requests }, index) => requests.slice(known[index]).filter(isLater)).length;
    }
  }

  /**
   * The requests of which it is known where they had to go: begun after a receipt, and at an application before the
   * next flip was asked for. For the others both pools were right at some time.
   */
  function boundRequests(ledger: RequestLedger, backends: readonly Backend[], flips: readonly Flip[]) {
    const arrivals = new Map(
      backends.flatMap(({ version, requests }) =>
        requests.map(({ id, startedAt }) => [id, { version, at: startedAt }] as const),
      ),
    );
    return [...ledger.entries.values()].flatMap(({ id, startedAt }) => {
      const arrival = arrivals.get(id);
      const last = flips.findLastIndex(({ receivedAt }) => receivedAt < startedAt);
      const nextAskedAt = flips[last + 1]?.askedAt ?? Infinity;
      if (arrival === undefined || arrival.at >= nextAskedAt) return [];
      return [{ id, version: arrival.version, promised: flips[last]?.to }];
    });
  }
});

describe('50 slow downloads and 50 slow uploads across a flip', () => {
  const DOWNLOAD = '/download?bytes=60000&piece=3000&gap=200';

  function upload(client: HttpClient, ledger: RequestLedger, framing: 'chunked' | 'length') {
    const entry = ledger.begin('upload');
    const bytes = Array.from({ length: 20 }, (_, index) => downloadBody(`part ${index}`, entry.id, 3000));
    const pieces = { bytes, gapMs: 200, framing } as const;
    return askNoted(client, entry, { method: 'PUT', path: '/upload', pieces }).then((response) => {
      if (response !== null) checkUpload(entry, response, Buffer.concat(bytes));
    });
  }

  function download(client: HttpClient, ledger: RequestLedger, path: string) {
    const entry = ledger.begin('download');
    return askNoted(client, entry, { path }).then((response) => {
      if (response !== null) checkDownload(entry, response, 60_000);
    });
  }

  test('each finishes, byte for byte, on the pool it began on, and the receipt counts them down', async () => {
    const { proxy, blue, green } = await startWorld();
    const ledger = new RequestLedger();
    const clients = await Promise.all(Array.from({ length: 100 }, () => startClient(proxy.port)));
    const underWay = clients.map((client, index) => {
      if (index < 50) return download(client, ledger, index % 2 === 0 ? DOWNLOAD : `${DOWNLOAD}&chunked=1`);
      return upload(client, ledger, index % 2 === 0 ? 'length' : 'chunked');
    });
    await eventually(() => expect(blue.requests.length).toBe(100));

    const receipt = await proxy.admin.cutover('app', 'green');
    expect(receipt.from).toEqual({ blue: 100 });
    expect(receipt.to).toEqual({ green: 100 });
    expect(receipt.drain).toEqual({
      state: 'draining',
      inFlightAtFlip: 100,
      completed: 0,
      cut: 0,
      remaining: 100,
      longLived: 0,
    });
    expect((await ask(proxy.port)).field('x-version')).toBe('green');
    expect((await proxy.admin.receipt('app', receipt.id)).drain.state).toBe('draining');

    const drained = await proxy.admin.receipt('app', receipt.id, 20);
    expect(drained.drain).toEqual({
      state: 'drained',
      inFlightAtFlip: 100,
      completed: 100,
      cut: 0,
      remaining: 0,
      longLived: 0,
    });
    await Promise.all(underWay);
    expect(ledger.balance([blue])).toEqual({ requests: 100, ...CLEAN });
    expect(blue.requests.every(({ outcome }) => outcome === 'answered')).toBe(true);
    expect(green.requests.length).toBe(1);
    expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
  });
});

describe('a drain timeout', () => {
  test('cuts only what is left then, and the receipt says how many', async () => {
    const { proxy, blue } = await startWorld();
    const held = await Promise.all(Array.from({ length: 8 }, () => startHeld(proxy, '/hold')));
    const begun = await Promise.all(
      Array.from({ length: 2 }, () => startHeld(proxy, '/download?bytes=500000&piece=1000&gap=50')),
    );
    await eventually(() => expect(blue.requests.length).toBe(10));
    await eventually(() => expect(begun.every(({ client }) => client.unfinished !== null)).toBe(true));

    const receipt = await proxy.admin.cutover('app', 'green', { drainTimeout: '2s' });
    expect(receipt.drain).toMatchObject({ state: 'draining', inFlightAtFlip: 10, remaining: 10 });
    blue.release(6);
    await eventually(async () => expect((await proxy.admin.receipt('app', receipt.id)).drain.completed).toBe(6));
    expect((await proxy.admin.receipt('app', receipt.id)).drain).toMatchObject({
      state: 'draining',
      cut: 0,
      remaining: 4,
    });

    const over = await proxy.admin.receipt('app', receipt.id, 10);
    expect(over.drain).toEqual({ state: 'cut', inFlightAtFlip: 10, completed: 6, cut: 4, remaining: 0, longLived: 0 });
    expect(await Promise.all(held.slice(0, 6).map(({ ending }) => ending))).toEqual(
      Array.from({ length: 6 }, () => '200 blue'),
    );
    expect(await Promise.all(held.slice(6).map(({ ending }) => ending))).toEqual(['503 null', '503 null']);
    expect(await Promise.all(begun.map(({ ending }) => ending))).toEqual(['broken', 'broken']);
    await eventually(() => expect(blue.requests.filter(({ outcome }) => outcome === 'aborted').length).toBe(4));
    expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
  });

  test('leaves what went to the new pool alone', async () => {
    const { proxy, green } = await startWorld();
    const old = await startHeld(proxy, '/hold');
    const receipt = await proxy.admin.cutover('app', 'green', { drainTimeout: '200ms' });
    const fresh = await startHeld(proxy, '/hold');
    await eventually(() => expect(green.held).toBe(1));
    expect((await proxy.admin.receipt('app', receipt.id, 10)).drain).toMatchObject({ state: 'cut', cut: 1 });
    expect(await old.ending).toBe('503 null');
    green.release();
    expect(await fresh.ending).toBe('200 green');
  });

  test('without one, nothing is ever cut', async () => {
    const { proxy, blue } = await startWorld();
    const held = await startHeld(proxy, '/hold');
    await eventually(() => expect(blue.held).toBe(1));
    const receipt = await proxy.admin.cutover('app', 'green');
    expect((await proxy.admin.receipt('app', receipt.id, 1)).drain).toMatchObject({ state: 'draining', remaining: 1 });
    blue.release();
    expect(await held.ending).toBe('200 blue');
    expect((await proxy.admin.receipt('app', receipt.id, 10)).drain).toMatchObject({ state: 'drained', completed: 1 });
  });

  async function startHeld(proxy: TestProxy, path: string) {
    const client = await startClient(proxy.port);
    const ending = client.request({ path }).then(
      (response) => `${response.status} ${response.field('x-version')}`,
      () => 'broken',
    );
    return { client, ending };
  }
});

describe('a connection that outlives the flip', () => {
  test('takes its next request to the new pool', async () => {
    const { proxy } = await startWorld();
    const client = await startClient(proxy.port);
    expect((await client.request()).field('x-version')).toBe('blue');
    await proxy.admin.cutover('app', 'green');
    expect((await client.request()).field('x-version')).toBe('green');
    await proxy.admin.rollback('app');
    expect((await client.request()).field('x-version')).toBe('blue');
  });

  test('takes a pipelined request that waits its turn to the new pool', async () => {
    const { proxy, blue } = await startWorld();
    const client = await startClient(proxy.port);
    const answers = client.pipeline([{ path: '/hold' }, { path: '/' }]);
    await eventually(() => expect(blue.held).toBe(1));
    await proxy.admin.cutover('app', 'green');
    blue.release();
    expect((await answers).map((response) => response.field('x-version'))).toEqual(['blue', 'green']);
  });
});

describe('WebSocket tunnels across a flip', () => {
  test('stay on their pool, are counted as long-lived, and end the drain when they end', async () => {
    const { proxy, blue } = await startWorld();
    const sockets = await Promise.all(Array.from({ length: 5 }, () => openWebSocket(proxy)));
    expect(await Promise.all(sockets.map((socket) => say(socket, 'before')))).toEqual(
      Array.from({ length: 5 }, () => 'blue:before'),
    );

    const receipt = await proxy.admin.cutover('app', 'green');
    expect(receipt.drain).toMatchObject({ state: 'draining', inFlightAtFlip: 5, remaining: 5, longLived: 5 });
    expect(await Promise.all(sockets.map((socket) => say(socket, 'after')))).toEqual(
      Array.from({ length: 5 }, () => 'blue:after'),
    );
    expect(await say(await openWebSocket(proxy), 'new')).toBe('green:new');

    for (const socket of sockets.slice(0, 3)) socket.close();
    await eventually(async () => {
      const { drain } = await proxy.admin.receipt('app', receipt.id);
      expect(drain).toMatchObject({ state: 'draining', completed: 3, remaining: 2, longLived: 2 });
    });
    for (const socket of sockets) socket.close();
    const { drain } = await proxy.admin.receipt('app', receipt.id, 10);
    expect(drain).toEqual({ state: 'drained', inFlightAtFlip: 5, completed: 5, cut: 0, remaining: 0, longLived: 0 });
    await eventually(() => expect(blue.requests.every(({ outcome }) => outcome === 'answered')).toBe(true));
    expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
  });

  test('are cut by a drain timeout like anything else', async () => {
    const { proxy } = await startWorld();
    const socket = await openWebSocket(proxy);
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    const receipt = await proxy.admin.cutover('app', 'green', { drainTimeout: '200ms' });
    expect((await proxy.admin.receipt('app', receipt.id, 10)).drain).toMatchObject({
      state: 'cut',
      cut: 1,
      remaining: 0,
    });
    await closed;
    expect(await proxy.admin.metric('cutover_ledger_imbalance')).toBe(0);
  });

  async function openWebSocket(proxy: TestProxy): Promise<WebSocket> {
    const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/ws`);
    socket.on('error', () => undefined);
    onTestFinished(() => socket.terminate());
    await new Promise<void>((resolve, reject) => {
      socket.once('open', () => resolve());
      socket.once('error', reject);
    });
    return socket;
  }

  function say(socket: WebSocket, text: string): Promise<string> {
    return new Promise((resolve) => {
      socket.once('message', (data) => resolve((data as Buffer).toString()));
      socket.send(text);
    });
  }
});
