/**
 * Clients that are slow on purpose, and the target of those that do not take its answers: run by slow-peers.ts as
 * `node bench/slow-crowd.ts KIND COUNT PORT TARGET_PORT`. Whoever is thrown out comes back.
 */
import { createServer, connect, type Socket } from 'node:net';

/** One byte more for whoever sends byte by byte. */
const DRIP_MS = 1000;
const COME_BACK_MS = 100;

const KINDS = ['head', 'body', 'read', 'idle'] as const;
type Kind = (typeof KINDS)[number];

const [kind = '', count = '0', port = '0', targetPort = '0'] = process.argv.slice(2);
const behaviours: Readonly<Record<Kind, (socket: Socket) => void>> = {
  head: (socket) => drip(socket, 'GET / HTTP/1.1\r\nHost: slow.test\r\nX: '),
  body: (socket) => drip(socket, 'POST / HTTP/1.1\r\nHost: slow.test\r\nContent-Length: 100000\r\n\r\n'),
  read: (socket) => void socket.pause().write('GET / HTTP/1.1\r\nHost: slow.test\r\n\r\n'),
  idle: () => {},
};

createServer((socket) => {
  socket.on('error', () => {});
  socket.once('data', (bytes: Buffer) => {
    if (bytes.toString('latin1', 0, 3) === 'GET') sendEndless(socket);
  });
}).listen(Number(targetPort), '127.0.0.1');

const kinds = KINDS.filter((one) => kind === one || kind === 'all');
for (let i = 0; i < Number(count); i++) join(kinds[i % kinds.length] ?? 'idle');

function join(as: Kind): void {
  const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true });
  socket.on('error', () => {});
  socket.once('connect', () => behaviours[as](socket.resume()));
  socket.once('close', () => setTimeout(join, COME_BACK_MS, as));
}

function drip(socket: Socket, beginning: string): void {
  socket.write(beginning);
  const timer = setInterval(() => socket.write('x'), DRIP_MS);
  socket.once('close', () => clearInterval(timer));
}

function sendEndless(socket: Socket): void {
  const piece = Buffer.alloc(65_536);
  socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n');
  const more = (): void => {
    while (!socket.destroyed && socket.write(piece));
    socket.once('drain', more);
  };
  more();
}
