import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';

import { BoundedLines, type LineStream } from '../../../src/base/bounded-lines.ts';

const LINE = `${'x'.repeat(9)}\n`;
const note = (lines: number): string => `dropped ${lines}\n`;

/** A reader that takes what it is given when it is told to. */
function slowReader() {
  const taken: string[] = [];
  const waiting: (() => void)[] = [];
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      waiting.push(() => {
        taken.push(chunk);
        done();
      });
    },
  });
  const takeAll = (): void => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) next();
  };
  return { stream, taken, takeAll };
}

describe('lines that are not taken', () => {
  it('are held up to the limit, then dropped and counted, and the next that is taken is told so before', () => {
    const { stream, taken, takeAll } = slowReader();
    const lines = new BoundedLines(stream, note, 10 * LINE.length);
    for (let count = 0; count < 25; count += 1) lines.write(LINE);
    expect(lines.dropped).toBe(15);
    takeAll();
    expect(taken).toEqual(Array(10).fill(LINE));
    lines.write(LINE);
    lines.write(LINE);
    takeAll();
    expect(taken.slice(10)).toEqual(['dropped 15\n', LINE, LINE]);
    expect(lines.dropped).toBe(15);
  });

  it('since they cannot be, are dropped one by one, until they can', () => {
    const taken: string[] = [];
    let isFull = true;
    const disk: LineStream = {
      writableLength: 0,
      on: () => {},
      write(line, done) {
        if (!isFull) taken.push(line);
        done(isFull ? new Error('ENOSPC') : null);
      },
    };
    const lines = new BoundedLines(disk, note);
    for (let count = 0; count < 3; count += 1) lines.write(LINE);
    expect(lines.dropped).toBe(3);
    isFull = false;
    lines.write(LINE);
    expect(taken).toEqual(['dropped 3\n', LINE]);
  });
});
