import type { Socket } from 'node:net';
import { expect, test } from 'vitest';

import { JOINED_BYTES_MAX, Outbox } from '../../../../src/proxy/http1/outbox.ts';
import { INLINE_BYTES_MAX, ReadBuffers } from '../../../../src/proxy/read-buffers.ts';

/** Writes are those that leave on their own; what is corked leaves together. */
class FakeSocket {
  readonly writes: string[] = [];
  readonly memories: ArrayBufferLike[] = [];
  destroyed = false;
  /** It takes nothing. */
  isFull = false;
  writableLength = 0;
  #corked: string[] | null = null;

  write(data: Buffer | string): void {
    const text = typeof data === 'string' ? data : data.toString('latin1');
    if (typeof data !== 'string') this.memories.push(data.buffer);
    if (this.#corked !== null) this.#corked.push(text);
    else this.writes.push(text);
    if (this.isFull || this.#corked !== null) this.writableLength += text.length;
  }

  cork(): void {
    this.#corked = [];
  }

  uncork(): void {
    this.writes.push((this.#corked ?? []).join(''));
    this.#corked = null;
    if (!this.isFull) this.writableLength = 0;
  }
}

function open(): { socket: FakeSocket; outbox: Outbox } {
  const socket = new FakeSocket();
  return { socket, outbox: new Outbox(socket as unknown as Socket, new ReadBuffers()) };
}

const piece = (letter: string, length: number): Buffer => Buffer.alloc(length, letter);

test.each([1, INLINE_BYTES_MAX, INLINE_BYTES_MAX + 1, JOINED_BYTES_MAX, JOINED_BYTES_MAX + 1])(
  'a piece of %i bytes leaves in one write with what is before it',
  (length) => {
    const { socket, outbox } = open();
    outbox.addText('head \xe9 ');
    expect(outbox.addChunk(piece('a', length))).toBe(null);
    outbox.flush();
    expect(outbox.isEmpty).toBe(true);
    expect(socket.writes).toEqual([`head \xe9 ${'a'.repeat(length)}`]);
  },
);

test('pieces that are copied leave in one write with what frames them, and may be overwritten at once', () => {
  const { socket, outbox } = open();
  const memory = piece('a', 5_000);
  outbox.addText('1388\r\n');
  outbox.addChunk(memory);
  memory.fill('b');
  outbox.addText('\r\n1388\r\n');
  outbox.addChunk(memory);
  memory.fill('c');
  outbox.addText('\r\n0\r\n\r\n');
  expect(socket.writes).toEqual([]);
  outbox.flush();
  expect(socket.writes).toEqual([`1388\r\n${'a'.repeat(5_000)}\r\n1388\r\n${'b'.repeat(5_000)}\r\n0\r\n\r\n`]);
  outbox.flush();
  expect(socket.writes).toHaveLength(1);
});

test('whatever is added leaves in its order, however much it is', () => {
  const { socket, outbox } = open();
  let all = '';
  for (let i = 0; i < 200; i++) {
    const text = `${i} `.repeat((i * 37) % 900);
    const bytes = piece('abcdef'[i % 6] as string, (i * 3_571) % 30_000);
    outbox.addText(text);
    outbox.addChunk(bytes);
    all += text + bytes.toString();
    if (i % 7 === 0) outbox.flush();
  }
  outbox.flush();
  expect(socket.writes.join('')).toBe(all);
});

test('memory of pieces is not used again before the socket has sent them', () => {
  const { socket, outbox } = open();
  const send = (length: number): void => {
    outbox.addChunk(piece('a', length));
    outbox.flush();
  };
  send(5_000);
  send(5_000);
  expect(new Set(socket.memories).size).toBe(1);
  socket.isFull = true;
  send(5_000);
  send(5_000);
  expect(new Set(socket.memories).size).toBe(2);
  expect(outbox.given - socket.writableLength).toBe(10_000);
  socket.isFull = false;
  socket.writableLength = 0;
  send(5_000);
  expect(new Set(socket.memories).size).toBe(2);
});

test('a long piece is passed on as it is, and held on to until it has left', () => {
  const { socket, outbox } = open();
  const long = piece('a', JOINED_BYTES_MAX + 1);
  socket.isFull = true;
  outbox.addText('head ');
  expect(outbox.addChunk(long)).toBe(outbox);
  expect(socket.memories).toEqual([long.buffer]);
  expect(outbox.hasSent(outbox.given)).toBe(false);
  socket.writableLength = 0;
  expect(outbox.hasSent(outbox.given)).toBe(true);
});

test('what was not written can be taken back', () => {
  const { socket, outbox } = open();
  outbox.addText('head ');
  outbox.addChunk(piece('a', 10_000));
  outbox.addText(' end');
  outbox.clear();
  expect(outbox.isEmpty).toBe(true);
  outbox.addText('other ');
  outbox.addChunk(piece('b', 5_000));
  outbox.flush();
  expect(socket.writes).toEqual([`other ${'b'.repeat(5_000)}`]);
});
