/**
 * Whoever is slow on purpose, to keep others out: a head, a body or an answer that makes no headway, and a connection
 * that nobody uses. Each ends at its limit, two hundred of them at once, and nobody else is kept waiting.
 *
 * What they do to the latency of others is compared by bench/slow-peers.ts: no clock is trusted here for more than an
 * upper bound.
 */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ListenerDocument } from '../../src/schema/listener.ts';
import { eventually } from '../helpers/eventually.ts';
import { type PlainAnswer, startPlainTarget } from '../helpers/plain-target.ts';
import { openSocket, type TlsManner } from '../helpers/open-socket.ts';
import { type PlaneProcess, startPlane } from '../helpers/start-plane.ts';
import { secured, TRUSTING } from '../helpers/start-secure-proxy.ts';

const LIMIT_MS = 500;
/** Limits are looked at ten times a second; the rest is for a machine that has other things to do. */
const LATE_MS_MAX = 30_000;
const LIMIT = `${LIMIT_MS}ms`;

const GET = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n';
const GET_LARGE = 'GET /large HTTP/1.1\r\nHost: a.test\r\n\r\n';
const BODY_BYTES = 32 * 1024 * 1024;

/** How clients and the proxy speak to each other. */
interface Way {
  readonly listener: () => Omit<ListenerDocument, 'listen'>;
  readonly tls?: TlsManner;
}

const WAYS: readonly (readonly [name: string, way: Way])[] = [
  ['without TLS', { listener: () => ({}) }],
  ['over TLS', { listener: () => secured(), tls: TRUSTING }],
];

/** What one of them does on its connection, and every 90 ms from then on. */
interface Slowness {
  readonly first: string;
  readonly again?: string;
  /** What reads nothing does not see its own end either: the worker is asked how many it has given up. */
  readonly reads?: false;
}

const KINDS: Readonly<Record<string, Slowness>> = {
  'a head byte by byte': { first: 'GET / HTTP/1.1\r\nX: ', again: 'x' },
  'a head that stops': { first: 'GET / HTTP/1.1\r\nX: ' },
  'a body that stops': { first: 'POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\nx' },
  'a chunked body that stops': {
    first: 'POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx',
  },
  'an answer that is not taken': { first: GET_LARGE, reads: false },
  'an answer that is not taken, and more asked for byte by byte': { first: GET_LARGE, again: 'x', reads: false },
  'a connection without a request': { first: '' },
  'a connection without a further request': { first: GET },
};
const OF_EACH = 25;

describe.each(WAYS)('%s', (_, way) => {
  test('two hundred slow clients are ended by their limits, and nobody else waits for them', async () => {
    const plane = await startLimited(way);
    const ends = endsOfSlow(plane, way);
    const others = askWhile(plane.port, way, ends);
    for (const { kind, endedAfterMs } of await ends) {
      expect(endedAfterMs, kind).toBeGreaterThan(LIMIT_MS - 20);
      expect(endedAfterMs, kind).toBeLessThan(LIMIT_MS + LATE_MS_MAX);
    }
    const statuses = await others;
    expect(statuses.length).toBeGreaterThan(0);
    expect(new Set(statuses)).toEqual(new Set(['HTTP/1.1 200 OK']));
    await eventually(async () => {
      const { listeners, pools, ledger } = await plane.report();
      expect(listeners[0]?.connections).toEqual({ idle: 0, active: 0, tunnel: 0 });
      expect(pools[0]?.inFlight).toBe(0);
      for (const { accepted, completed, clientAborted, upstreamFailed, proxyFailed, cut } of ledger) {
        expect(accepted).toBe(completed + clientAborted + upstreamFailed + proxyFailed + cut);
      }
    });
  });

  test('a client that takes its answer slowly, but takes it, gets all of it', async () => {
    const plane = await startLimited(way);
    const socket = await open(plane.port, way);
    let bytes = 0;
    socket.on('data', (piece: Buffer) => {
      bytes += piece.length;
      if (bytes > pausedAt + BODY_BYTES / 8) pause();
    });
    let pausedAt = 0;
    const pause = (): void => {
      pausedAt = bytes;
      socket.pause();
      setTimeout(() => socket.resume(), LIMIT_MS / 3);
    };
    const startedAt = performance.now();
    socket.write(GET_LARGE.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
    await once(socket, 'end');
    expect(bytes).toBeGreaterThan(BODY_BYTES);
    expect(performance.now() - startedAt).toBeGreaterThan(LIMIT_MS);
  });

  test('an answer whose end is the end of the connection ends in a reset where it is cut', async () => {
    const plane = await startLimited(way);
    const socket = await open(plane.port, way);
    socket.write('GET /large HTTP/1.0\r\nHost: a.test\r\n\r\n');
    const head = await once(socket, 'data');
    socket.pause();
    expect(String(head)).toContain('HTTP/1.1 200 OK');
    await eventually(async () => expect((await plane.report()).listeners[0]?.connections.active).toBe(0));
    const reset = once(socket, 'error');
    socket.resume();
    await expect(reset).resolves.toEqual([expect.objectContaining({ code: 'ECONNRESET' })]);
  });
});

async function startLimited({ listener }: Way): Promise<PlaneProcess> {
  const target = await startPlainTarget(largeOrSmall);
  return startPlane({
    listeners: {
      web: {
        listen: '127.0.0.1:0',
        ...listener(),
        timeouts: { requestHead: LIMIT, keepAlive: LIMIT, linger: '200ms', halfClose: '200ms' },
        limits: { loopLag: 'none' },
      },
    },
    services: {
      app: {
        pools: { only: { targets: [{ url: target.url }] } },
        timeouts: { requestBodyIdle: LIMIT, responseBodyIdle: LIMIT },
      },
    },
  });
}

const largeOrSmall: PlainAnswer = (socket, bytes) => {
  const text = bytes.toString('latin1');
  if (text.startsWith('GET /large')) sendLarge(socket);
  else if (text.startsWith('GET / ')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
};

/** To HTTP/1.0 its end is told by the end of the connection: the proxy takes the chunks apart. */
function sendLarge(socket: Socket): void {
  const piece = Buffer.alloc(256 * 1024);
  const chunk = Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]);
  let left = BODY_BYTES / piece.length;
  socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
  const more = (): void => {
    while (left > 0 && !socket.destroyed) {
      left -= 1;
      if (!socket.write(chunk)) return void socket.once('drain', more);
    }
    if (left === 0) socket.write('0\r\n\r\n');
  };
  more();
}

interface SlowEnd {
  readonly kind: string;
  /** From before it was opened: the proxy may know of it sooner than this process. */
  readonly endedAfterMs: number;
}

async function endsOfSlow(plane: PlaneProcess, way: Way): Promise<readonly SlowEnd[]> {
  const startedAt = performance.now();
  const slow = Object.entries(KINDS).flatMap(([kind, slowness]) =>
    Array.from({ length: OF_EACH }, async () => ({ kind, ended: endOfSlow(await open(plane.port, way), slowness) })),
  );
  const opened = await Promise.all(slow);
  const allGone = everyoneGone(plane);
  const ends = opened.map(async ({ kind, ended }) => {
    await (ended ?? allGone);
    return { kind, endedAfterMs: performance.now() - startedAt };
  });
  return Promise.all(ends);
}

/** `null`: it does not see its end. */
function endOfSlow(socket: Socket, { first, again, reads }: Slowness): Promise<unknown> | null {
  socket.write(first);
  if (again !== undefined) {
    const chatter = setInterval(() => socket.write(again), 90);
    socket.once('close', () => clearInterval(chatter));
  }
  return reads === false ? null : endOf(socket.resume());
}

function endOf(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => socket.once('end', resolve).once('close', resolve));
}

/** Until the connections of all who are slow have been given up, some of them because nothing was read from them. */
async function everyoneGone(plane: PlaneProcess): Promise<void> {
  await eventually(async () => {
    const { listeners, pools } = await plane.report();
    expect(pools[0]?.failures['client_stalled']).toBeGreaterThan(0);
    const { idle = 0, active = 0 } = listeners[0]?.connections ?? {};
    expect(idle + active, 'but for the one that asks meanwhile').toBeLessThanOrEqual(1);
  }, 30_000);
}

/** The status lines that a client gets who asks again and again, on new connections, until `done`. */
async function askWhile(port: number, way: Way, done: Promise<unknown>): Promise<string[]> {
  const statuses: string[] = [];
  let isDone = false;
  const stop = (): void => void (isDone = true);
  done.then(stop, stop);
  while (!isDone) {
    const socket = await open(port, way);
    socket.write(GET);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    statuses.push(answer.toString('latin1').split('\r\n')[0] ?? '');
    socket.destroy();
    await wait(20);
  }
  return statuses;
}

async function open(port: number, { tls }: Way): Promise<Socket> {
  const socket = await openSocket({ port }, tls);
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  return socket;
}
