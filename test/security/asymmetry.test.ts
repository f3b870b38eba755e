/**
 * No message, of a client or of a target, may cost a worker much more than it cost whoever sent it: at most 100 times
 * its size in memory, and at most 10 ms of processor time. What a connection costs anyhow does not count; how many
 * there may be is a limit of its own.
 *
 * Measured in a process that runs a data plane and nothing else. `--reporter verbose` shows the figures.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ConfigDocument } from '../../src/schema/config.ts';
import { eventually } from '../helpers/eventually.ts';
import { PlainTarget, type PlainAnswer } from '../helpers/plain-target.ts';
import { PlaneProcess } from '../helpers/start-plane.ts';

const CPU_MS_MAX = 10;
const HELD_FACTOR_MAX = 100;

const KIB = 1024;
/** Of what the peer does not take, and of what it takes too slowly. */
const HELD_BEHIND_A_STALL_MAX = 1024 * KIB;

/** Whatever they say of themselves, those that come from here are believed. */
const TRUSTED = '127.0.0.2';

let target: PlainTarget;
let plane: PlaneProcess;

beforeAll(async () => {
  target = await PlainTarget.start(() => {});
  plane = await PlaneProcess.start(configFor(target.url));
});
beforeEach(() => {
  target.answer = () => {};
});
afterAll(async () => {
  await plane.close();
  await target.close();
});

interface Message {
  /** Each goes out in a segment of its own. */
  readonly pieces: readonly string[];
  /** What the target says to it; default: a short 200. */
  readonly answer?: readonly string[];
  readonly from?: string;
}

const GET = 'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n';
const GET_BUSY = 'GET / HTTP/1.1\r\nHost: busy.test\r\nConnection: close\r\n';
const CHUNKED = 'POST / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const OK_CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const ONE_BYTE_CHUNKS = '1\r\nx\r\n'.repeat(64 * KIB);
const LAST_CHUNK = '0\r\n\r\n';

describe('no message burns more than 10 ms of processor time', () => {
  test.for<readonly [string, Message]>([
    ['a small request', { pieces: [`${GET}\r\n`] }],
    ['one field as long as the head may be', { pieces: [`${GET}X: ${'x'.repeat(32_000)}\r\n\r\n`] }],
    ['as many fields as there may be, each in its own segment', { pieces: [GET, ...fields(125, 240), '\r\n'] }],
    ['forty times more fields than there may be', { pieces: [`${GET}${'a:b\r\n'.repeat(5_000)}\r\n`] }],
    ['a Connection that nominates 15,000 fields', { pieces: [nominating('x,', 15_000, 120)] }],
    ['a Connection that repeats a field without naming it', { pieces: [nominating('x1 ', 10_000, 120)] }],
    [
      'a Cookie of separators, where two cookies count',
      { pieces: [`${GET_BUSY}Cookie: ${';'.repeat(32_000)}\r\n\r\n`] },
    ],
    ['a Cookie of names, where two cookies count', { pieces: [`${GET_BUSY}Cookie: ${'uid;'.repeat(8_000)}\r\n\r\n`] }],
    ['a field on every line, where a thousand rules ask for it', { pieces: [`${GET_BUSY}${groups(125)}\r\n`] }],
    ['a way through 3,000 trusted proxies', { pieces: [`${GET_BUSY}${way('10.0.0.1', 3_000)}\r\n`], from: TRUSTED }],
    ['a way through 6,000 of them with IPv6', { pieces: [`${GET_BUSY}${way('::1', 6_000)}\r\n`], from: TRUSTED }],
    [
      'a host of 15,000 labels, where there are wildcards',
      { pieces: [`GET / HTTP/1.1\r\nHost: ${'a.'.repeat(15_000)}b\r\nConnection: close\r\n\r\n`] },
    ],
    [
      'a path of 8,000 segments, where there are long prefixes',
      { pieces: [`GET ${'/a'.repeat(8_000)} HTTP/1.1\r\nHost: deep.test\r\nConnection: close\r\n\r\n`] },
    ],
    [
      'as many chunk extensions as there may be',
      { pieces: [`${CHUNKED}${'1;a\r\nx\r\n'.repeat(2_000)}${LAST_CHUNK}`] },
    ],
    ['a chunk extension that does not end', { pieces: [`${CHUNKED}1;${'a'.repeat(64 * KIB)}\r\nx\r\n${LAST_CHUNK}`] }],
    ['64 KiB in chunks of one byte', { pieces: [`${CHUNKED}${ONE_BYTE_CHUNKS}${LAST_CHUNK}`] }],
    [
      'as many trailers as there may be, each in its own segment',
      { pieces: [`${CHUNKED}0\r\n`, ...fields(63, 110), '\r\n'] },
    ],
    ['a head that comes byte by byte', { pieces: `${GET}X: ${'x'.repeat(200)}\r\n\r\n`.split('') }],
  ])('of a client: %s', async ([, message], { annotate }) => expectCheap(message, annotate));

  test.for<readonly [string, readonly string[]]>([
    [
      'one field as long as the head may be',
      [`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(64_000)}\r\nContent-Length: 0\r\n\r\n`],
    ],
    [
      'as many fields as there may be, each in its own segment',
      ['HTTP/1.1 200 OK\r\n', ...fields(250, 240), 'Content-Length: 0\r\n\r\n'],
    ],
    ['a Connection that nominates 25,000 fields', [answerNominating('x,', 25_000, 250)]],
    ['a Connection that repeats a field without naming it', [answerNominating('x1 ', 20_000, 250)]],
    ['a thousand interim answers', [`${'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(1_000)}${OK}`]],
    [
      'as many interim answers as there may be, each as long as it may be',
      [`${`HTTP/1.1 103 Early Hints\r\nLink: ${'x'.repeat(60_000)}\r\n\r\n`.repeat(8)}${OK}`],
    ],
    ['64 KiB in chunks of one byte', [`${OK_CHUNKED}${ONE_BYTE_CHUNKS}${LAST_CHUNK}`]],
    ['a chunk extension that does not end', [`${OK_CHUNKED}1;${'a'.repeat(64 * KIB)}\r\nx\r\n${LAST_CHUNK}`]],
    ['as many trailers as there may be, each in its own segment', [`${OK_CHUNKED}0\r\n`, ...fields(63, 110), '\r\n']],
    [
      'a head that comes byte by byte',
      `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(200)}\r\nContent-Length: 0\r\n\r\n`.split(''),
    ],
  ])('of a target: %s', async ([, answer], { annotate }) => expectCheap({ pieces: [`${GET}\r\n`], answer }, annotate));

  async function expectCheap(message: Message, annotate: (text: string) => Promise<unknown>): Promise<void> {
    target.answer = answering(message);
    const cpuMs = await cpuMsOf(() => say(message));
    await annotate(`${cpuMs.toFixed(2)} ms`);
    expect(cpuMs).toBeLessThan(CPU_MS_MAX);
  }

  test('of a client: any of 2,000 that it sends at once', async ({ annotate }) => {
    const request = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n';
    const pieces = [`${request.repeat(1_999)}${GET}\r\n`];
    target.answer = (socket) => socket.write(OK);
    const cpuMs = await cpuMsOf(() => say({ pieces }), { perRound: 1, warmUps: 1 });
    await annotate(`${(cpuMs / 2).toFixed(1)} µs each`);
    expect(cpuMs / 2_000).toBeLessThan(CPU_MS_MAX / 10);
  });
});

describe('no message makes a worker hold more than 100 times its size', () => {
  test('a client that says nothing holds next to nothing', async ({ annotate }) => {
    await plane.startAfresh();
    await quiet();
    const before = await settledHeldBytes();
    const sockets = await Promise.all(Array.from({ length: 400 }, () => open()));
    await eventually(async () => expect(await connectionsOpen()).toBe(sockets.length));
    const held = ((await settledHeldBytes()) - before) / sockets.length;
    for (const socket of sockets) socket.destroy();
    await annotate(`${(held / KIB).toFixed(1)} KiB`);
    expect(held).toBeLessThan(10 * KIB);
  });

  const SMALL_GET = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n';
  const LONG_FIELD = `X: ${'x'.repeat(31_000)}`;

  test.for<readonly [string, string]>([
    ['a head that is never finished', SMALL_GET.slice(0, -2) + LONG_FIELD],
    ['a head as long as it may be, not answered', `${SMALL_GET.slice(0, -2)}${LONG_FIELD}\r\n\r\n`],
    ['as many tiny fields as there may be, not answered', `${SMALL_GET.slice(0, -2)}${'a:b\r\n'.repeat(126)}\r\n`],
    ['a body that is not taken', `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n${'x'.repeat(64 * KIB)}`],
    [
      'a body in chunks of one byte',
      `PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${ONE_BYTE_CHUNKS}`,
    ],
    ['requests that wait for the one before', SMALL_GET.repeat(2_000)],
    ['chunk extensions', `${CHUNKED}${'1;a\r\nx\r\n'.repeat(1_900)}`],
    ['trailers that are never finished', `${CHUNKED}0\r\n${fields(63, 110).join('')}`],
  ])('of a client: %s', async ([, message], { annotate }) => {
    const held = await heldBytesOf(40, (socket) => write(socket, message));
    await annotate(`${(held / message.length).toFixed(1)} times ${message.length} bytes`);
    expect(held).toBeLessThan(HELD_FACTOR_MAX * message.length);
  });

  // A buffer for each byte would be four hundred times as much.
  test.for<readonly [string, string]>([
    ['in a body that may have to be sent again', 'PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 999\r\n\r\n'],
    ['in a body that is mirrored', 'POST / HTTP/1.1\r\nHost: mirrored.test\r\nContent-Length: 999\r\n\r\n'],
    ['behind as much as is read before an answer', `${SMALL_GET}${'x'.repeat(70_000)}`],
  ])('of a client: bytes that come one by one, %s', async ([, beforehand], { annotate }) => {
    const bytes = 600;
    const held = await heldBytesOf(10, () => {}, { beforehand, byteByByte: bytes });
    await annotate(`${(held / bytes).toFixed(1)} times ${bytes} bytes`);
    expect(held).toBeLessThan(HELD_FACTOR_MAX * bytes);
  });

  test.for<readonly [string, string]>([
    ['a head that is never finished', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(60_000)}`],
    [
      'as many interim answers as there may be',
      `HTTP/1.1 103 Early Hints\r\nLink: ${'x'.repeat(60_000)}\r\n\r\n`.repeat(8),
    ],
    ['chunks of one byte', OK_CHUNKED + ONE_BYTE_CHUNKS],
    ['trailers that are never finished', `${OK_CHUNKED}0\r\n${fields(63, 110).join('')}`],
  ])('of a target: %s', async ([, answer], { annotate }) => {
    target.answer = (socket) => socket.write(answer, 'latin1');
    const held = await heldBytesOf(20, (socket) => write(socket.pause(), SMALL_GET));
    await annotate(`${(held / answer.length).toFixed(1)} times ${answer.length} bytes`);
    expect(held).toBeLessThan(HELD_FACTOR_MAX * answer.length);
  });

  test('what a client sends before it was answered is read up to a limit', async ({ annotate }) => {
    const held = await heldBytesOf(10, (socket) => write(socket, SMALL_GET.repeat(100_000)));
    await annotate(`${(held / KIB).toFixed(0)} KiB`);
    expect(held).toBeLessThan(HELD_BEHIND_A_STALL_MAX);
  });

  test.for<readonly [string, string, PlainAnswer]>([
    ['our own', 'nowhere.test', () => {}],
    [
      'a small one of the target',
      'a.test',
      (socket) => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n${'x'.repeat(1_000)}`),
    ],
  ])('who asks on and on and takes no answer, %s, is not asked for more', async ([, host, answer], { annotate }) => {
    target.answer = answer;
    const requests = `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`.repeat(60_000);
    const held = await heldBytesOf(2, (socket) => write(socket.pause(), requests));
    await annotate(`${(held / KIB).toFixed(0)} KiB`);
    expect(held).toBeLessThan(HELD_BEHIND_A_STALL_MAX);
  });

  test.for<readonly [string, PlainAnswer]>([
    ['large pieces', (socket) => endless(socket, Buffer.alloc(64 * KIB))],
    ['single bytes', (socket) => endless(socket, Buffer.alloc(1))],
  ])('an endless answer in %s is not read faster than it is taken', async ([, answer], { annotate }) => {
    target.answer = answer;
    const held = await heldBytesOf(4, (socket) => write(socket.pause(), SMALL_GET));
    await annotate(`${(held / KIB).toFixed(0)} KiB`);
    expect(held).toBeLessThan(HELD_BEHIND_A_STALL_MAX);
  });
});

/** Median of rounds, in milliseconds of one message. */
async function cpuMsOf(act: () => Promise<void>, { perRound = 4, warmUps = 8 } = {}): Promise<number> {
  for (let i = 0; i < warmUps; i += 1) await act();
  const rounds: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const before = await plane.cpuMicros();
    for (let i = 0; i < perRound; i += 1) await act();
    rounds.push(((await plane.cpuMicros()) - before) / perRound / 1_000);
  }
  return rounds.toSorted((a, b) => a - b)[2] ?? Number.NaN;
}

/** What the worker holds for one of `count` clients that all do the same, beyond what their connections cost. */
async function heldBytesOf(
  count: number,
  act: (socket: Socket) => void,
  { beforehand = '', byteByByte = 0 } = {},
): Promise<number> {
  await plane.startAfresh();
  target.dropConnections();
  const sockets = await Promise.all(Array.from({ length: count }, () => open()));
  await eventually(async () => expect(await connectionsOpen()).toBe(count));
  for (const socket of sockets) write(socket, beforehand);
  await quiet();
  const before = await settledHeldBytes();
  for (const socket of sockets) act(socket);
  for (let i = 0; i < byteByByte; i += 1) {
    for (const socket of sockets) socket.write('x');
    // Answered when what came before has been read: no two bytes come together.
    await plane.cpuMicros();
  }
  await quiet();
  const after = await settledHeldBytes();
  for (const socket of sockets) socket.destroy();
  return (after - before) / count;
}

/** Some memory is given back only once what had it has been seen to be gone, one collection later. */
async function settledHeldBytes(): Promise<number> {
  let { heldBytes } = await plane.held();
  for (let i = 0; i < 8; i += 1) {
    await wait(5);
    const again = (await plane.held()).heldBytes;
    if (Math.abs(again - heldBytes) < 16 * KIB) break;
    heldBytes = again;
  }
  return heldBytes;
}

async function connectionsOpen(): Promise<number> {
  const [listener] = (await plane.report()).listeners;
  return Object.values(listener?.connections ?? {}).reduce((sum, count) => sum + count, 0);
}

/** Until the worker has done what there was to do. */
async function quiet(): Promise<void> {
  let before = await plane.cpuMicros();
  for (let quietFor = 0, i = 0; quietFor < 2 && i < 40; i += 1) {
    await wait(20);
    const now = await plane.cpuMicros();
    quietFor = now - before < 1_500 ? quietFor + 1 : 0;
    before = now;
  }
}

async function open(from?: string): Promise<Socket> {
  const via = from === undefined ? {} : { localAddress: from };
  const socket = connect({ port: plane.port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true, ...via });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

function write(socket: Socket, text: string): void {
  socket.write(text, 'latin1');
}

/** Resolves when the connection is closed: every message here is the last one of its connection. */
async function say({ pieces, from }: Message): Promise<void> {
  const socket = await open(from);
  const ended = new Promise((resolve) => socket.once('end', resolve).once('close', resolve));
  socket.resume();
  for (const piece of pieces) {
    write(socket, piece);
    if (pieces.length > 1) await turn();
  }
  await ended;
  socket.destroy();
}

/** Answers whatever ends a request, of which there is one on a connection. */
function answering({ answer = [OK] }: Message): PlainAnswer {
  return (socket, bytes) => {
    const isWhole = bytes.includes('\r\n\r\n', Math.max(0, bytes.length - 4));
    const isHeadAlone = isWhole && bytes.includes('Transfer-Encoding') && !bytes.includes('0\r\n');
    if (isWhole && !isHeadAlone) void sayOn(socket, answer);
  };
}

async function sayOn(socket: Socket, pieces: readonly string[]): Promise<void> {
  for (const piece of pieces) {
    write(socket, piece);
    if (pieces.length > 1) await turn();
  }
}

/** Never stops for itself, only when nothing more is taken. */
function endless(socket: Socket, piece: Buffer): void {
  socket.write('HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n');
  const more = (): void => {
    for (let i = 0; i < 16; i += 1) if (!socket.write(piece)) return void socket.once('drain', more);
    setImmediate(more);
  };
  more();
}

function fields(count: number, bytes: number): string[] {
  return Array.from({ length: count }, (_, index) => `x${index}: ${'y'.repeat(bytes)}\r\n`);
}

function nominating(element: string, times: number, count: number): string {
  return `${GET}Connection: ${element.repeat(times)}\r\n${fields(count, 1).join('')}\r\n`;
}

function answerNominating(element: string, times: number, count: number): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: ${element.repeat(times)}\r\n${fields(count, 1).join('')}\r\n`;
}

function groups(count: number): string {
  return `X-Group: ${'x'.repeat(240)}\r\n`.repeat(count);
}

function way(address: string, hops: number): string {
  return `X-Forwarded-For: ${Array.from({ length: hops }, () => address).join(',')}\r\n`;
}

/** Everything that looks at a request is asked to. */
function configFor(url: string): Pick<ConfigDocument, 'listeners' | 'services' | 'trustedProxies'> {
  const pool = { targets: [{ url }] };
  const rules = Array.from({ length: 1_000 }, (_, index) =>
    index % 2 === 0
      ? { name: `group-${index}`, when: { headers: { 'x-group': `g${index}` } }, pool: 'other' }
      : { name: `network-${index}`, when: { clientIp: ['192.0.2.0/24'] }, pool: 'other' },
  );
  const patience = { timeouts: { requestBodyIdle: '60s', responseBodyIdle: '60s', responseHead: '60s' } };
  return {
    listeners: { web: { listen: '127.0.0.1:0', limits: { loopLag: 'none', requestsPerConnection: 1_000_000 } } },
    trustedProxies: [TRUSTED, '10.0.0.0/8', '::1'],
    services: {
      plain: { match: { hosts: ['a.test', 'a'] }, pools: { only: pool }, ...patience },
      busy: {
        match: { hosts: ['busy.test'] },
        pools: { only: pool, other: pool },
        split: { only: 50, other: 50 },
        affinity: { key: ['cookie:user', 'header:x-user', 'client-ip'] },
        sticky: { cookie: 'uid' },
        rules,
      },
      wild: { match: { hosts: ['*.example.com'] }, pools: { only: pool } },
      deep: { match: { hosts: ['deep.test'], pathPrefix: `${'/a'.repeat(100)}/b` }, pools: { only: pool } },
      mirrored: {
        match: { hosts: ['mirrored.test'] },
        pools: { only: pool, shadow: pool },
        split: { only: 100 },
        mirror: { pool: 'shadow', unsafeMethods: true },
        ...patience,
      },
    },
  };
}
