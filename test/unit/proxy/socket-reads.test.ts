import { Socket } from 'node:net';
import { expect, test } from 'vitest';

import { SocketReads, SHARED_READ_BYTES } from '../../../src/proxy/socket-reads.ts';
import { ReadBuffers } from '../../../src/proxy/read-buffers.ts';

const SHARED = Buffer.alloc(SHARED_READ_BYTES);

test('memory of its own is taken only for much that is passed on, and given back', () => {
  const reads = new SocketReads(SHARED, new ReadBuffers());
  reads.prepare(SHARED.length, false);
  expect(reads.buffer).toBe(SHARED);
  reads.prepare(SHARED.length - 1, true);
  expect(reads.buffer).toBe(SHARED);
  reads.prepare(SHARED.length, true);
  const own = reads.buffer;
  expect(own).not.toBe(SHARED);
  expect(own.length).toBeGreaterThan(SHARED.length);
  reads.prepare(own.length, true);
  expect(reads.buffer).toBe(own);
  reads.prepare(own.length / 8, true);
  expect(reads.buffer).toBe(SHARED);
});

test('what is held on to is not read into again', () => {
  const reads = new SocketReads(SHARED, new ReadBuffers());
  reads.prepare(SHARED.length, true);
  const own = reads.buffer;
  reads.passed(own, { given: 10, hasSent: () => false });
  reads.prepare(own.length, true);
  expect(reads.buffer).not.toBe(own);
  expect(reads.buffer).not.toBe(SHARED);
  const next = reads.buffer;
  reads.prepare(next.length, true);
  expect(reads.buffer).toBe(next);
});

test('memory of its own is there for others once nothing more is read, and but once', () => {
  const buffers = new ReadBuffers();
  const reads = new SocketReads(SHARED, buffers);
  reads.prepare(SHARED.length, true);
  const own = reads.buffer;
  reads.release();
  reads.release();
  expect(reads.buffer).toBe(SHARED);
  expect(buffers.take(own.length)).toBe(own);
  expect(buffers.take(own.length)).not.toBe(own);
});

test('what came into shared memory is passed on in memory of its own, unless it is little', () => {
  const buffers = new ReadBuffers();
  const reads = new SocketReads(SHARED, buffers);
  SHARED.fill('a');
  expect(reads.keepable(SHARED, 0, 100).buffer).toBe(SHARED.buffer);
  reads.passed(SHARED, null);

  let isSent = false;
  const first = reads.keepable(SHARED, 10, 20_010);
  reads.passed(SHARED, { given: 20_000, hasSent: () => isSent });
  SHARED.fill('b');
  expect(first.equals(Buffer.alloc(20_000, 'a'))).toBe(true);
  const second = reads.keepable(SHARED, 0, 20_000);
  expect(second.buffer).not.toBe(first.buffer);
  reads.passed(SHARED, null);
  isSent = true;
  const again = [reads.keepable(SHARED, 0, 20_000)];
  reads.passed(SHARED, { given: 1, hasSent: () => false });
  again.push(reads.keepable(SHARED, 0, 20_000));
  expect(new Set(again.map(({ buffer }) => buffer))).toEqual(new Set([second.buffer, first.buffer]));
});

test('a socket that is none of the kind known is read by its events', () => {
  const taker = { onRead: () => true };
  expect(new SocketReads(SHARED, new ReadBuffers()).readFrom({} as Socket, taker)).toBe(false);
  expect(new SocketReads(SHARED, new ReadBuffers()).readFrom(new Socket(), taker)).toBe(false);
});
