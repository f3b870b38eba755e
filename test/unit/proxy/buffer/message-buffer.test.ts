import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type BufferReader, MessageBuffer } from '../../../../src/proxy/buffer/message-buffer.ts';
import { Spool, type SpoolOptions } from '../../../../src/proxy/buffer/spool.ts';
import { FakeDisk } from './fake-disk.ts';

const KIB = 1024;

function world(memoryBytesMax: number, diskBytesMax: number, options: SpoolOptions = {}) {
  const disk = new FakeDisk();
  const spool = new Spool({ folder: '/spool', system: disk, ...options });
  const heard: string[] = [];
  const owner = {
    onBuffered: () => heard.push('buffered'),
    onBufferRoom: () => heard.push('room'),
    onBufferFailure: () => heard.push('failure'),
  };
  const open = () => new MessageBuffer({ memoryBytesMax, diskBytesMax }, spool, owner);
  return { disk, spool, heard, open, buffer: open() };
}

/** Takes so many pieces before it has to be told that there is room again. */
class Reader implements BufferReader {
  readonly #piecesAtOnce: number;
  #room: number;
  taken: Buffer[] = [];
  isDone = false;

  constructor(piecesAtOnce = Number.POSITIVE_INFINITY) {
    this.#piecesAtOnce = piecesAtOnce;
    this.#room = piecesAtOnce;
  }

  get isBlocked(): boolean {
    return this.#room <= 0;
  }

  get text(): string {
    return Buffer.concat(this.taken).toString('latin1');
  }

  drain(buffer: MessageBuffer): void {
    this.#room = this.#piecesAtOnce;
    buffer.resume();
  }

  take(chunk: Buffer): null {
    this.#room--;
    this.taken.push(Buffer.from(chunk));
    return null;
  }

  flush(): void {}

  onAllTaken(): void {
    this.isDone = true;
  }
}

describe('a body that fits into memory', () => {
  it('is whole with its end, needs no file, and is read as often as it is wanted', () => {
    const { buffer, disk, heard, spool } = world(10, 10);
    expect(buffer.add(Buffer.from('hello'))).toBe('kept');
    expect(buffer.add(Buffer.from('world'))).toBe('kept');
    expect(heard).toEqual([]);
    buffer.end();
    expect([heard, disk.asked, buffer.keptIn, spool.memoryBytes]).toEqual([['buffered'], [], 'memory', 10]);
    for (let i = 0; i < 2; i++) {
      const reader = new Reader();
      buffer.readTo(reader);
      expect([reader.text, reader.isDone]).toEqual(['helloworld', true]);
    }
    buffer.close();
    expect(spool.memoryBytes).toBe(0);
  });

  it('may be empty', () => {
    const { buffer, heard } = world(10, 10);
    buffer.end();
    const reader = new Reader();
    buffer.readTo(reader);
    expect([heard, reader.text, reader.isDone]).toEqual([['buffered'], '', true]);
  });
});

describe('a longer one', () => {
  it('goes on in a file that has lost its name before a byte is written', () => {
    const { buffer, disk, heard } = world(4, 20);
    buffer.add(Buffer.from('abcdef'));
    buffer.end();
    expect(disk.asked.map(({ what }) => what)).toEqual(['open']);
    disk.step();
    expect([[...disk.names].length, disk.asked.map(({ what }) => what)]).toEqual([1, ['unlink']]);
    disk.step();
    expect([[...disk.names], disk.asked.map(({ what }) => what), heard]).toEqual([[], ['write 2'], []]);
    disk.run();
    expect([disk.content.toString(), heard, buffer.keptIn]).toEqual(['ef', ['buffered'], 'disk']);
  });

  it('is the same when it is read, however it came, was written and is taken', () => {
    const pieces = fc.array(fc.uint8Array({ minLength: 1, maxLength: 400 }), { maxLength: 20 });
    fc.assert(
      fc.property(pieces, fc.nat(500), fc.integer({ min: 1, max: 300 }), (chunks, memory, writeMax) => {
        const { buffer, disk, heard, spool } = world(memory, 10 * KIB);
        disk.writeBytesMax = writeMax;
        chunks.forEach((chunk, index) => {
          expect(buffer.add(Buffer.from(chunk))).toBe('kept');
          if (index % 3 === 0) disk.step();
        });
        buffer.end();
        disk.run();
        expect(heard.filter((what) => what === 'buffered')).toHaveLength(1);
        for (const reader of [new Reader(1), new Reader()]) {
          buffer.readTo(reader);
          for (let turns = 0; !reader.isDone && turns < 100; turns++) {
            disk.run();
            reader.drain(buffer);
          }
          expect(reader.text).toBe(Buffer.concat(chunks).toString('latin1'));
        }
        buffer.close();
        expect([spool.memoryBytes, spool.diskBytes, disk.opened.size]).toEqual([0, 0, 0]);
      }),
    );
  });

  it('is too long by the sum of both, however it is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (lengths) => {
        const { buffer } = world(30, 70);
        let sum = 0;
        for (const length of lengths) {
          sum += length;
          expect(buffer.add(Buffer.alloc(length))).toBe(sum <= 100 ? 'kept' : 'too-long');
          if (sum > 100) return;
        }
      }),
    );
  });

  it('says when the disk is behind, and when there is room again', () => {
    const { buffer, disk, heard } = world(1, 10_000 * KIB);
    buffer.add(Buffer.alloc(200 * KIB));
    expect(buffer.isBehind).toBe(false);
    buffer.add(Buffer.alloc(200 * KIB));
    expect(buffer.isBehind).toBe(true);
    disk.run();
    expect([buffer.isBehind, heard]).toEqual([false, ['room']]);
  });

  it('is handed over in pieces, from memory too, and no more of them than there is room for', () => {
    const { buffer, disk } = world(1_000 * KIB, 1_000 * KIB);
    buffer.add(Buffer.alloc(1_100 * KIB, 'abc'));
    buffer.end();
    disk.run();
    const reader = new Reader(3);
    buffer.readTo(reader);
    disk.run();
    expect([reader.taken.length, reader.text.length, reader.isDone]).toEqual([3, 192 * KIB, false]);
    for (let turns = 0; !reader.isDone && turns < 20; turns++) {
      reader.drain(buffer);
      disk.run();
    }
    expect(reader.text).toBe(Buffer.alloc(1_100 * KIB, 'abc').toString());
  });

  it('is read from its beginning by who begins anew while a piece is under way', () => {
    const { buffer, disk } = world(2, 1_000 * KIB);
    const body = Buffer.alloc(150 * KIB, 'abcdefg');
    buffer.add(body);
    buffer.end();
    disk.run();
    const reader = new Reader();
    buffer.readTo(reader);
    buffer.stop();
    reader.taken = [];
    buffer.readTo(reader);
    disk.run();
    expect([reader.isDone, reader.text === body.toString()]).toEqual([true, true]);
  });

  it('is read from its beginning by who comes while another reads', () => {
    const { buffer, disk } = world(2, 1_000 * KIB);
    buffer.add(Buffer.alloc(150 * KIB, 'abc'));
    buffer.end();
    disk.run();
    const [first, second] = [new Reader(), new Reader()];
    buffer.readTo(first);
    disk.step();
    buffer.stop();
    buffer.readTo(second);
    disk.run();
    expect([first.isDone, second.isDone, second.text.length]).toEqual([false, true, 150 * KIB]);
    expect(second.text).toBe(Buffer.alloc(150 * KIB, 'abc').toString());
  });
});

describe('a disk that does not serve', () => {
  it.each([
    ['refuses to open', (disk: FakeDisk) => void (disk.refusesToOpen = true)],
    ['is full', (disk: FakeDisk) => void (disk.room = 5)],
  ])('and %s is told of once, and leaves nothing open', (_, spoil) => {
    const { buffer, disk, heard, spool } = world(1, 1_000);
    spoil(disk);
    buffer.add(Buffer.alloc(10));
    buffer.end();
    disk.run();
    expect(heard).toEqual(['failure']);
    buffer.close();
    expect([spool.diskBytes, spool.memoryBytes, disk.opened.size, disk.names.size]).toEqual([0, 0, 0, 0]);
  });

  it('and has lost what was written is told of when that is read', () => {
    const { buffer, disk, heard } = world(1, 1_000);
    buffer.add(Buffer.alloc(10));
    buffer.end();
    disk.run();
    disk.content = disk.content.subarray(0, 4);
    const reader = new Reader();
    buffer.readTo(reader);
    disk.run();
    expect([heard, reader.isDone]).toEqual([['buffered', 'failure'], false]);
  });
});

describe('the end of a buffer', () => {
  it.each([0, 1, 2, 3, 4])('waits for what the system is doing (after %i steps), and says nothing more', (steps) => {
    const { buffer, disk, heard, spool } = world(1, 1_000);
    buffer.add(Buffer.alloc(10));
    buffer.end();
    for (let i = 0; i < steps; i++) disk.step();
    if (steps > 3) buffer.readTo(new Reader());
    const before = [...heard];
    buffer.close();
    buffer.close();
    disk.run();
    expect([heard, spool.diskBytes, spool.memoryBytes, disk.opened.size, disk.names.size]).toEqual([
      before,
      0,
      0,
      0,
      0,
    ]);
  });

  it.each([10, 1_000])('may come before that of the body (memory for %i bytes)', (memory) => {
    const { buffer, disk, heard } = world(memory, 1_000);
    buffer.add(Buffer.alloc(20));
    buffer.close();
    buffer.end();
    disk.run();
    expect(heard).toEqual([]);
  });
});

describe('what all buffers have together', () => {
  it('is memory, beyond which bodies go to disk at once', () => {
    const { buffer, open, spool } = world(100, 100, { memoryBytesMax: 120 });
    buffer.add(Buffer.alloc(100));
    const second = open();
    expect(second.add(Buffer.alloc(100))).toBe('kept');
    expect([second.keptIn, spool.memoryBytes, spool.diskBytes]).toEqual(['disk', 120, 80]);
  });

  it('is files, beyond which they are refused, until one is closed', () => {
    const { open, disk } = world(1, 100, { filesMax: 1 });
    const first = open();
    first.add(Buffer.alloc(10));
    expect(open().add(Buffer.alloc(10))).toBe('refused');
    first.close();
    disk.run();
    expect(open().add(Buffer.alloc(10))).toBe('kept');
  });

  it('is descriptors, which are given back', () => {
    let free = 1;
    const descriptors = { take: () => free-- > 0, giveBack: () => void free++ };
    const { open, disk } = world(1, 100, { descriptors });
    const first = open();
    expect(first.add(Buffer.alloc(10))).toBe('kept');
    first.close();
    disk.run();
    expect(free).toBe(1);
  });

  it('is nothing where nothing may be on disk', () => {
    const { open } = world(100, 0, { memoryBytesMax: 50 });
    expect(open().add(Buffer.alloc(60))).toBe('refused');
  });
});
