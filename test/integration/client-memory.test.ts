/** All clients of a listener are read into the same memory: nothing of one may turn up in what is passed on of another. */
import { createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, createServer as createNetServer, type Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { appService, startProxy } from '../helpers/start-proxy.ts';

const CLIENTS = 6;
/** More than the buffers of all sockets between client and target hold. */
const BODY_BYTES = 12 * 1024 * 1024;
/** More than these and those that the proxy reads clients by, which grow as it reads. */
const BLOCKING_BYTES = 20 * 1024 * 1024;
const BLOCKED_CLIENTS = 4;

/** Bytes that no other client sends, and that do not repeat. */
function bytesOf(client: number, length: number): Buffer {
  const key = createHash('sha256').update(`client ${client}`).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

/** Sends it in pieces of many lengths, each a packet of its own where the receiver keeps up. */
async function sendInPieces(socket: Writable, bytes: Buffer, wrap: (piece: Buffer) => Buffer): Promise<void> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const piece = bytes.subarray(at, at + 3000 + ((i * 7919) % 50_000));
    at += piece.length;
    socket.write(wrap(piece));
    await new Promise(setImmediate);
  }
}

const asIs = (piece: Buffer): Buffer => piece;
const asChunk = (piece: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]);

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Reads no body before `release` is called; answers each with its digest. */
async function startLazyTarget(): Promise<{ url: string; waiting: IncomingMessage[]; release(): void }> {
  const waiting: IncomingMessage[] = [];
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const server = createServer((request, response) => {
    waiting.push(request);
    void released.then(async () => {
      const hash = createHash('sha256');
      for await (const chunk of request) hash.update(chunk as Buffer);
      response.end(hash.digest('hex'));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, waiting, release };
}

test.each(['length', 'chunked'])('bodies with %s that wait for a slow target stay whole', async (framing) => {
  const target = await startLazyTarget();
  const proxy = await startProxy({ services: appService({ blue: { version: '1', url: target.url } }) });
  const clients = Array.from({ length: BLOCKED_CLIENTS }, (_, client) => {
    const body = bytesOf(client, BLOCKING_BYTES);
    const socket = connect(proxy.port, '127.0.0.1');
    socket.setNoDelay(true);
    const fields = framing === 'length' ? `Content-Length: ${body.length}` : 'Transfer-Encoding: chunked';
    socket.write(`POST / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n${fields}\r\n\r\n`);
    const answer = readAll(socket);
    const sent = sendInPieces(socket, body, framing === 'length' ? asIs : asChunk).then(() => {
      if (framing === 'chunked') socket.write('0\r\n\r\n');
    });
    return { socket, body, answer, sent };
  });
  await eventually(() => expect(target.waiting).toHaveLength(BLOCKED_CLIENTS));
  await Promise.all(clients.map(({ sent }) => sent));
  // The target reads nothing: what does not fit into the sockets waits at the clients.
  await eventually(() => expect(clients.every(({ socket }) => socket.writableLength > 0)).toBe(true));
  target.release();
  for (const { body, answer } of clients) expect((await answer).toString()).toContain(digest(body));
});

test('answers that wait for slow clients stay whole, while others are served from the same memory', async () => {
  const server = createServer((request, response) => {
    const body = bytesOf(Number(request.url?.slice(1)), BODY_BYTES);
    response.setHeader('content-length', body.length);
    void sendInPieces(response, body, asIs).then(() => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const proxy = await startProxy({ services: appService({ blue: { version: '1', url } }) });
  const ask = (client: number): Socket => {
    const socket = connect(proxy.port, '127.0.0.1');
    socket.write(`GET /${client} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n`);
    return socket;
  };
  const bodyOf = (whole: Buffer): Buffer => whole.subarray(whole.indexOf('\r\n\r\n') + 4);
  // Nobody reads what comes to them yet: more than the sockets hold waits in the proxy.
  const slow = Array.from({ length: CLIENTS }, (_, client) => ({ client, socket: ask(client) }));
  await eventually(() => expect(slow.every(({ socket }) => socket.bytesRead > 0)).toBe(true));
  for (const client of [100, 101, 102]) {
    expect(digest(bodyOf(await readAll(ask(client))))).toBe(digest(bytesOf(client, BODY_BYTES)));
  }
  for (const { client, socket } of slow) {
    expect(digest(bodyOf(await readAll(socket)))).toBe(digest(bytesOf(client, BODY_BYTES)));
  }
});

test('what clients ask at the same time, in pieces and one behind the other, comes to each as its own', async () => {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (chunk: Buffer) => parts.push(chunk));
    request.on('end', () =>
      response.end(`${request.url} ${String(request.headers['x-client'])} ${Buffer.concat(parts).toString()};`),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const proxy = await startProxy({ services: appService({ blue: { version: '1', url } }) });
  const texts = Array.from({ length: 40 }, (_, client) =>
    Array.from({ length: 5 }, (_request, i) => {
      const body = `${client}-${i} `.repeat(i * 300);
      return {
        sent: `POST /${client}/${i} HTTP/1.1\r\nHost: a.example\r\nX-Client: ${client}\r\nContent-Length: ${body.length}\r\n${i === 4 ? 'Connection: close\r\n' : ''}\r\n${body}`,
        got: `/${client}/${i} ${client} ${body};`,
      };
    }),
  );
  const answers = await Promise.all(
    texts.map(async (requests, client) => {
      const socket = connect(proxy.port, '127.0.0.1');
      socket.setNoDelay(true);
      const answer = readAll(socket);
      await once(socket, 'connect');
      const whole = Buffer.from(requests.map(({ sent }) => sent).join(''));
      // Pieces of every length, so that heads and bodies are cut anywhere.
      for (let at = 0; at < whole.length; at += 97 + client * 131) {
        socket.write(whole.subarray(at, at + 97 + client * 131));
        await new Promise(setImmediate);
      }
      return (await answer).toString();
    }),
  );
  for (const [client, requests] of texts.entries()) {
    for (const { got } of requests) expect(answers[client]).toContain(got);
  }
});

test('tunnels whose targets read slowly pass everything on as it came', async () => {
  const got = new Map<string, Promise<Buffer>>();
  const sockets: Socket[] = [];
  const server = createNetServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.once('data', (head: Buffer) => {
      socket.pause();
      const [, client = ''] = /x-client: (\d+)/i.exec(head.toString()) ?? [];
      got.set(client, readAll(socket));
      socket.pause();
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const upgrades = ['raw'];
  const proxy = await startProxy({ services: appService({ blue: { version: '1', url } }, { upgrades }) });
  const clients = await Promise.all(
    Array.from({ length: 3 }, async (_, client) => {
      const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
      socket.write(
        `GET / HTTP/1.1\r\nHost: a.example\r\nX-Client: ${client}\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n`,
      );
      await once(socket, 'data');
      const body = bytesOf(client, BODY_BYTES);
      socket.setNoDelay(true);
      await sendInPieces(socket, body, asIs);
      socket.end();
      return { socket, body };
    }),
  );
  await eventually(() => expect(clients.every(({ socket }) => socket.writableLength > 0)).toBe(true));
  for (const socket of sockets) socket.resume();
  for (const [client, { body, socket }] of clients.entries()) {
    const bytes = await got.get(String(client));
    expect(digest(bytes ?? Buffer.alloc(0))).toBe(digest(body));
    socket.destroy();
  }
});

async function readAll(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => parts.push(chunk));
  await once(socket, 'end');
  return Buffer.concat(parts);
}
