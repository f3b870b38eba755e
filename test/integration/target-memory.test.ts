/** All connections to targets are read into the same memory: nothing of one may turn up in what is passed on of another. */
import { createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer as createNetServer, type Server, type Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { appService, startProxy } from '../helpers/start-proxy.ts';
import { startSession } from '../helpers/start-session.ts';
import { turn } from '../helpers/write-pieces.ts';

/** More than the buffers of all sockets between target and client hold. */
const MUCH_BYTES = 12 * 1024 * 1024;

/** On either side of each length from which a piece is treated in another way. */
const PIECES = [4_097, 16_384, 40_000];
const TARGETS = 6;
const LENGTHS = [0, 1, 4_096, 4_097, 10_240, 16_384, 16_385, 65_000, 150_000];

/** Bytes that nobody else sends, and that do not repeat. */
function bytesOf(name: string, length: number): Buffer {
  const key = createHash('sha256').update(name).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const bodyOf = (answer: Buffer): Buffer => answer.subarray(answer.indexOf('\r\n\r\n') + 4);

/** Each piece is a packet of its own where the receiver keeps up. */
async function sendInPieces(to: Writable, bytes: Buffer, length: number): Promise<void> {
  for (let at = 0; at < bytes.length && !to.destroyed; at += length) {
    to.write(bytes.subarray(at, at + length));
    await turn();
  }
}

async function startServer(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Answers with the bytes that the path asks for: name, length, length of the pieces, and "length" or "chunked". */
async function answer(path: string, response: ServerResponse): Promise<void> {
  const [, name = '', length = '', piece = '', framing = ''] = path.split('/');
  const bytes = bytesOf(name, Number(length));
  if (framing === 'length') response.setHeader('content-length', bytes.length);
  await sendInPieces(response, bytes, Number(piece));
  response.end();
}

function startTarget(): Promise<string> {
  return startServer(createServer((request, response) => void answer(request.url ?? '', response)));
}

async function readAll(readable: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of readable) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** By HTTP/1.0, whose answers have no chunks, on a connection that nothing is read from yet. */
function ask(port: number, path: string): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  socket.write(`GET ${path} HTTP/1.0\r\nHost: a.example\r\n\r\n`);
  return socket;
}

/** Asks one after the other on one connection, and says which answers were not what they should be. */
async function readOneByOne(port: number, names: readonly string[]): Promise<string[]> {
  const socket = connect(port, '127.0.0.1');
  const wrong: string[] = [];
  let got: Buffer = Buffer.alloc(0);
  for (const name of names) {
    const length = Number(name.split('-')[1]);
    // Small pieces next to those that fill what is read into.
    socket.write(
      `GET /${name}/${length}/${length > 60_000 ? 40_000 : 3_000}/length HTTP/1.1\r\nHost: a.example\r\n\r\n`,
    );
    while (got.indexOf('\r\n\r\n') < 0 || bodyOf(got).length < length) {
      const [piece] = (await once(socket, 'data')) as [Buffer];
      got = Buffer.concat([got, piece]);
    }
    if (digest(bodyOf(got)) !== digest(bytesOf(name, length))) wrong.push(name);
    got = Buffer.alloc(0);
  }
  socket.destroy();
  return wrong;
}

/** Many answers of all lengths, by the memory that others wait in. */
async function readOthers(port: number): Promise<void> {
  const crowd = Array.from({ length: 6 }, (_, client) =>
    readOneByOne(
      port,
      LENGTHS.map((length) => `other${client}-${length}`),
    ),
  );
  expect((await Promise.all(crowd)).flat()).toEqual([]);
}

test('what many targets answer at the same time comes to each client as its own', async () => {
  const urls = await Promise.all(Array.from({ length: TARGETS }, startTarget));
  const blue = urls.map((url) => ({ version: '1', url }));
  const proxy = await startProxy({ services: appService({ blue }) });
  await readOthers(proxy.port);
});

test.each(['length', 'chunked'])('answers with %s that wait for slow clients stay whole', async (framing) => {
  const urls = await Promise.all(Array.from({ length: 3 }, startTarget));
  const blue = urls.map((url) => ({ version: '1', url }));
  const proxy = await startProxy({ services: appService({ blue }) });
  const slow = PIECES.map((piece) => {
    const name = `slow${piece}`;
    return { name, socket: ask(proxy.port, `/${name}/${MUCH_BYTES}/${piece}/${framing}`) };
  });
  await eventually(() => expect(slow.every(({ socket }) => socket.bytesRead > 0)).toBe(true));
  await readOthers(proxy.port);
  for (const { name, socket } of slow) {
    expect(digest(bodyOf(await readAll(socket))), name).toBe(digest(bytesOf(name, MUCH_BYTES)));
  }
});

test('answers that wait for slow clients of HTTP/2 stay whole', async () => {
  const url = await startTarget();
  const services = appService({ blue: { version: '1', url } });
  const proxy = await startProxy({ services, listener: { http2: true } });
  const session = startSession(proxy.port);
  // What a client lets be sent on a stream at first is less than any of these.
  const slow = PIECES.map((piece) => {
    const path = `/slow${piece}/400000/${piece}/length`;
    return { name: `slow${piece}`, stream: session.open({ path }) };
  });
  await Promise.all(slow.map(({ stream }) => once(stream, 'response')));
  for (const length of LENGTHS) {
    const name = `other-${length}`;
    const { body } = await session.request({ path: `/${name}/${length}/9000/chunked` });
    expect(digest(body), name).toBe(digest(bytesOf(name, length)));
  }
  for (const { name, stream } of slow) {
    expect(digest(await readAll(stream)), name).toBe(digest(bytesOf(name, 400_000)));
  }
});

test('tunnels whose clients read slowly pass everything on as it came', async () => {
  const url = await startServer(
    createNetServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (head: Buffer) => {
        const [, piece = ''] = /GET \/(\d+)/.exec(head.toString()) ?? [];
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n');
        void sendInPieces(socket, bytesOf(`tunnel${piece}`, MUCH_BYTES), Number(piece)).then(() => socket.end());
      });
    }),
  );
  const upgrades = ['raw'];
  const proxy = await startProxy({ services: appService({ blue: { version: '1', url } }, { upgrades }) });
  const tunnels = [5_000, 30_000].map((piece) => {
    const socket = connect(proxy.port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.write(`GET /${piece} HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n`);
    return { piece, socket };
  });
  await eventually(() => expect(tunnels.every(({ socket }) => socket.bytesRead > 0)).toBe(true));
  for (const { piece, socket } of tunnels) {
    expect(digest(bodyOf(await readAll(socket))), String(piece)).toBe(digest(bytesOf(`tunnel${piece}`, MUCH_BYTES)));
  }
});
