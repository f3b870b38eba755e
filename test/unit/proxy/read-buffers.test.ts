import { expect, test } from 'vitest';

import { ReadBuffers, type Sender, UNKNOWN_SENDER } from '../../../src/proxy/read-buffers.ts';

/** Has sent what it is told to have. */
class Sending implements Sender {
  given = 0;
  sent = 0;

  hasSent(given: number): boolean {
    return this.sent >= given;
  }
}

test('memory in which nothing is left to be sent is used again', () => {
  const buffers = new ReadBuffers();
  const first = buffers.take(1024);
  expect(first).toHaveLength(1024);
  buffers.giveBack(first, null, 0);
  expect(buffers.take(2048)).toHaveLength(2048);
  expect(buffers.take(1024)).toBe(first);
  expect(buffers.take(1024)).not.toBe(first);
});

test('memory that is still to be sent is not, until it was', () => {
  const buffers = new ReadBuffers();
  const sender = new Sending();
  const first = buffers.take(1024);
  buffers.giveBack(first, sender, 100);
  sender.sent = 99;
  const second = buffers.take(1024);
  expect(second).not.toBe(first);
  sender.sent = 100;
  expect(buffers.take(1024)).toBe(first);
});

test('one that is never sent keeps others from nothing', () => {
  const buffers = new ReadBuffers();
  const [stuck, sender] = [new Sending(), new Sending()];
  buffers.giveBack(buffers.take(512), stuck, 1);
  const first = buffers.take(1024);
  buffers.giveBack(first, sender, 10);
  sender.sent = 10;
  expect(buffers.take(1024)).toBe(first);
});

test('however many are never sent, they keep others from nothing', () => {
  const buffers = new ReadBuffers();
  const BYTES = 262_144;
  for (let stuck = 0; stuck < 300; stuck++) buffers.giveBack(buffers.take(BYTES), new Sending(), 1);
  const sender = new Sending();
  const mine = new Set<Buffer>();
  for (let round = 0; round < 300; round++) {
    const buffer = buffers.take(BYTES);
    mine.add(buffer);
    sender.given++;
    buffers.giveBack(buffer, sender, sender.given);
    sender.sent = sender.given;
  }
  // Some rounds are needed until the turn of what can be used again comes, as they lie among those that cannot.
  expect(mine.size).toBeLessThan(150);
});

test('of whom nothing is known gets nothing back into use, and what is kept is bounded', () => {
  const buffers = new ReadBuffers();
  const unknown = buffers.take(1024);
  buffers.giveBack(unknown, UNKNOWN_SENDER, 0);
  expect(buffers.take(1024)).not.toBe(unknown);

  const large = Array.from({ length: 3 }, () => buffers.take(16 * 1024 * 1024));
  for (const buffer of large) buffers.giveBack(buffer, null, 0);
  const again = new Set(Array.from({ length: 3 }, () => buffers.take(16 * 1024 * 1024)));
  expect(large.filter((buffer) => again.has(buffer))).toHaveLength(2);
});
