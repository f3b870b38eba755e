/** Much of a connection's bytes: they arrive whole and in order both ways, and who reads slowly stops who sends. */
import { createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { crc32 } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { startPlane } from '../helpers/start-plane.ts';
import { startTcpPlane, tcpService } from '../helpers/tcp-plane.ts';
import { startTcpTarget } from '../helpers/tcp-target.ts';

const MIB = 1 << 20;
const BULK_BYTES = 100 * MIB;
/** More than the sockets' buffers of the system hold, which no proxy can see. */
const STUCK_BYTES = 48 * MIB;
/** Of the proxy, for one connection with both of its sides stuck, over what it had before. */
const HELD_BYTES_MAX = 4 * MIB;

/** Connections that pass a MiB each while others are stuck. */
const CROWD = 16;

/** Bytes that no other `seed` has, and that do not repeat. */
function bytesOf(seed: string, length: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

async function send(socket: Socket, piece: Buffer, total: number): Promise<void> {
  for (let sent = 0; sent < total; sent += piece.length) {
    if (!socket.write(piece)) await once(socket, 'drain');
  }
  socket.end();
}

/** What comes until the other side ends. */
function receive(socket: Socket): Promise<{ bytes: number; crc: number }> {
  let [bytes, crc] = [0, 0];
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    crc = crc32(chunk, crc);
  });
  return new Promise((resolve, reject) => {
    socket.once('end', () => resolve({ bytes, crc }));
    socket.once('error', reject);
  });
}

function expected(piece: Buffer, total: number): { bytes: number; crc: number } {
  let crc = 0;
  for (let at = 0; at < total; at += piece.length) crc = crc32(piece, crc);
  return { bytes: total, crc };
}

describe('100 MiB both ways at once', () => {
  it('arrive whole, and are not kept by the proxy while nobody reads', async () => {
    const [there, back] = [bytesOf('there', MIB), bytesOf('back', MIB)];
    const accepted: Socket[] = [];
    const target = await startTcpTarget((socket) => void accepted.push(socket.pause()));
    const plane = await startPlane({
      listeners: { db: { listen: '127.0.0.1:0', protocol: 'tcp' } },
      services: { db: { match: { listeners: ['db'] }, pools: { only: { targets: [{ url: target.url }] } } } },
    });
    const before = await plane.held();
    const client = connect({ port: plane.port, host: '127.0.0.1', allowHalfOpen: true }).pause();
    onTestFinished(() => void client.destroy());
    await eventually(() => expect(accepted).toHaveLength(1));
    const server = accepted[0] as Socket;
    const sent = [send(client, there, BULK_BYTES), send(server, back, BULK_BYTES)];
    // Until neither side takes any more.
    await eventually(async () => {
      const written = client.bytesWritten + server.bytesWritten;
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(client.bytesWritten + server.bytesWritten).toBe(written);
      expect(client.writableNeedDrain && server.writableNeedDrain).toBe(true);
    });
    expect(client.bytesWritten).toBeLessThan(BULK_BYTES);
    expect((await plane.held()).heldBytes - before.heldBytes).toBeLessThan(HELD_BYTES_MAX);

    const received = [receive(server.resume()), receive(client.resume())];
    await Promise.all(sent);
    expect(await Promise.all(received)).toEqual([expected(there, BULK_BYTES), expected(back, BULK_BYTES)]);
    await eventually(async () => {
      const { pools, ledger } = await plane.report();
      expect(pools[0]?.passed).toEqual({ client: BULK_BYTES, target: BULK_BYTES });
      expect(ledger.at(-1)).toMatchObject({ accepted: 1, completed: 1, inFlight: 0 });
    });
  }, 90_000);
});

describe('clients whose targets do not read for a while', () => {
  it('have their bytes kept apart, from each other and from those who come and go meanwhile', async () => {
    const CLIENTS = 2;
    const accepted: Socket[] = [];
    const target = await startTcpTarget((socket) => {
      if (accepted.push(socket) <= CLIENTS + 1) socket.pause();
      else socket.pipe(socket);
    });
    const plane = await startTcpPlane(tcpService([target.url]));
    const pieces = Array.from({ length: CLIENTS }, (_, i) => bytesOf(`client ${i}`, STUCK_BYTES));
    const clients = pieces.map((piece) => {
      const socket = open(plane.port);
      return { socket, piece, sent: sendInPieces(socket, piece), answer: receive(socket) };
    });
    const leaving = open(plane.port);
    void sendInPieces(leaving, bytesOf('leaving', STUCK_BYTES));
    await eventually(() => expect(accepted).toHaveLength(CLIENTS + 1));
    await eventually(() => expect(clients.every(({ socket }) => socket.writableLength > 0)).toBe(true));
    await eventually(() => expect(leaving.writableLength).toBeGreaterThan(0));
    await passMany(plane.port, 'first');
    leaving.resetAndDestroy();
    await passMany(plane.port, 'second');
    for (const socket of accepted.slice(0, CLIENTS + 1)) void echoCrc(socket).catch(() => undefined);
    for (const { piece, sent, answer } of clients) {
      await sent;
      expect(await answer).toEqual(expected(Buffer.from(String(crc32(piece))), String(crc32(piece)).length));
    }
    const completed = CLIENTS + 2 * CROWD;
    expect(await plane.settled()).toEqual({ accepted: completed + 1, completed, clientAborted: 1 });
  }, 60_000);
});

function open(port: number): Socket {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** Many at once that are said back what they say, of whom every second one reads only when it has said all. */
async function passMany(port: number, seed: string): Promise<void> {
  const crowd = Array.from({ length: CROWD }, (_, i) => {
    const bytes = bytesOf(`${seed} ${i}`, MIB);
    const socket = open(port);
    const sent = sendInPieces(socket, bytes);
    if (i % 2 === 0) return { bytes, sent, answer: receive(socket) };
    return { bytes, sent, answer: sent.then(() => receive(socket)) };
  });
  for (const { bytes, sent, answer } of crowd) {
    await sent;
    expect(await answer).toEqual(expected(bytes, MIB));
  }
}

/** In pieces of many lengths, the first of them packets of their own. */
async function sendInPieces(socket: Socket, bytes: Buffer): Promise<void> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const piece = bytes.subarray(at, at + 100 + ((i * 7919) % 90_000));
    at += piece.length;
    socket.write(piece);
    if (i < 50) await new Promise(setImmediate);
  }
  socket.end();
}

async function echoCrc(socket: Socket): Promise<void> {
  const { crc } = await receive(socket.resume());
  socket.end(String(crc));
}
