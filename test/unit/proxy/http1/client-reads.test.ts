import { Socket } from 'node:net';
import { expect, test } from 'vitest';

import { ClientReads, SHARED_READ_BYTES } from '../../../../src/proxy/http1/client-reads.ts';
import { ReadBuffers } from '../../../../src/proxy/read-buffers.ts';

const SHARED = Buffer.alloc(SHARED_READ_BYTES);

test('memory of its own is taken only for much that is passed on, and given back', () => {
  const reads = new ClientReads(SHARED, new ReadBuffers());
  reads.prepare(SHARED.length, false);
  expect(reads.buffer).toBe(SHARED);
  reads.prepare(SHARED.length - 1, true);
  expect(reads.buffer).toBe(SHARED);
  reads.prepare(SHARED.length, true);
  const own = reads.buffer;
  expect(reads.isShared(own)).toBe(false);
  expect(own.length).toBeGreaterThan(SHARED.length);
  reads.prepare(own.length, true);
  expect(reads.buffer).toBe(own);
  reads.prepare(own.length / 8, true);
  expect(reads.buffer).toBe(SHARED);
});

test('what is held on to is not read into again', () => {
  const reads = new ClientReads(SHARED, new ReadBuffers());
  reads.prepare(SHARED.length, true);
  const own = reads.buffer;
  reads.hold(own, { given: 10, hasSent: () => false });
  reads.prepare(own.length, true);
  expect(reads.buffer).not.toBe(own);
  expect(reads.isShared(reads.buffer)).toBe(false);
  const next = reads.buffer;
  reads.prepare(next.length, true);
  expect(reads.buffer).toBe(next);
});

test('a socket that is none of the kind known is read by its events', () => {
  const taker = { onRead: () => true };
  expect(new ClientReads(SHARED, new ReadBuffers()).readFrom({} as Socket, taker)).toBe(false);
  expect(new ClientReads(SHARED, new ReadBuffers()).readFrom(new Socket(), taker)).toBe(false);
});
