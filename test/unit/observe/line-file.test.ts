import { execFileSync, fork } from 'node:child_process';
import { constants, openSync, closeSync, readFileSync, readSync, renameSync, existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { systemClock } from '../../../src/base/clock.ts';
import { FLUSH_MS, LineFile } from '../../../src/observe/line-file.ts';
import { eventually } from '../../helpers/eventually.ts';
import { manualClock } from '../../helpers/manual-clock.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

const line = (n: number, chars = 40): string => `{"n":${n},"x":"${'x'.repeat(chars)}"}\n`;

function open(file: string, heldCharsMax?: number) {
  const clock = manualClock();
  const lines = new LineFile(file, clock, heldCharsMax);
  onTestFinished(() => lines.close());
  /** Until `check` no longer throws, time going on. */
  const written = (check: () => void) =>
    eventually(() => {
      clock.advance(FLUSH_MS);
      check();
    });
  return { lines, written, flush: () => clock.advance(FLUSH_MS) };
}

const inFolder = (): string => path.join(temporaryFolder(), 'access.log');

const numbers = (file: string): number[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((text) => text !== '')
    .map((text) => JSON.parse(text).n);

describe('lines of a file', () => {
  it('are written a second after the first, and all at once', async () => {
    const file = inFolder();
    const { lines, written } = open(file);
    lines.write(line(1));
    lines.write(line(2));
    expect(existsSync(file)).toBe(false);
    await written(() => expect(numbers(file)).toEqual([1, 2]));
    lines.write(line(3));
    await written(() => expect(numbers(file)).toEqual([1, 2, 3]));
    expect(lines.dropped).toBe(0);
  });

  it('are written without waiting for the time where there are many', async () => {
    const file = inFolder();
    const { lines } = open(file);
    for (let n = 0; n < 2_000; n++) lines.write(line(n));
    await eventually(() => expect(numbers(file).length).toBeGreaterThan(1_000));
  });

  it('that wait are written at the end, and none after it', async () => {
    const file = inFolder();
    const { lines } = open(file);
    lines.write(line(1));
    await lines.close();
    expect(numbers(file)).toEqual([1]);
    lines.write(line(2));
    await lines.close();
    expect(numbers(file)).toEqual([1]);
    expect(lines.dropped).toBe(1);
  });

  it('go to the file that has the name when it is opened again, and none is lost', async () => {
    const file = inFolder();
    const { lines, written } = open(file);
    lines.write(line(1));
    await written(() => expect(numbers(file)).toEqual([1]));
    renameSync(file, `${file}.1`);
    lines.write(line(2));
    await written(() => expect(numbers(`${file}.1`)).toEqual([1, 2]));
    lines.write(line(3));
    lines.reopen();
    lines.write(line(4));
    await written(() => expect(numbers(file)).toEqual([3, 4]));
    expect(numbers(`${file}.1`)).toEqual([1, 2]);
  });

  it('are readable to the group, and to nobody else', async () => {
    const file = inFolder();
    const { lines } = open(file);
    lines.write(line(1));
    await lines.close();
    expect(execFileSync('stat', ['-c', '%a', file], { encoding: 'utf8' }).trim()).toMatch(/^6[04]0$/);
  });

  it('of several writers never mix', async () => {
    const file = inFolder();
    const writers = Array.from({ length: 3 }, () => new LineFile(file, systemClock));
    for (let n = 0; n < 3_000; n++) for (const writer of writers) writer.write(line(n, n % 300));
    await Promise.all(writers.map((writer) => writer.close()));
    expect(numbers(file).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 9_000 }, (_, index) => Math.floor(index / 3)),
    );
  });
});

describe('a file that does not take lines', () => {
  it('costs what it does not take, counted, and is tried again', async () => {
    const folder = temporaryFolder();
    const file = path.join(folder, 'none', 'access.log');
    const { lines, written, flush } = open(file);
    lines.write(line(1));
    lines.write(line(2));
    flush();
    expect(lines.dropped).toBe(2);
    execFileSync('mkdir', [path.dirname(file)]);
    lines.write(line(3));
    await written(() => expect(numbers(file)).toEqual([3]));
  });

  it('because the disk is full costs the lines, counted, and nothing else', async () => {
    const { lines, written } = open('/dev/full');
    for (let n = 1; n <= 3; n++) {
      lines.write(line(n));
      await written(() => expect(lines.dropped).toBe(n));
    }
  });

  it('holds no more than it may, and drops the rest', () => {
    const { lines } = open(inFolder(), 1_000);
    for (let n = 0; n < 100; n++) lines.write(line(n));
    expect(lines.dropped).toBeGreaterThan(70);
    expect(lines.dropped).toBeLessThan(90);
  });
});

describe('a pipe', () => {
  it('that nobody reads holds nobody up, and what is read is whole lines', async () => {
    const fifo = path.join(temporaryFolder(), 'pipe');
    execFileSync('mkfifo', [fifo]);
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    // As standard output is handed to a worker.
    const writer = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
    const child = fork(path.join(import.meta.dirname, 'write-lines.ts'), ['5000'], {
      stdio: ['ignore', writer, 'inherit', 'ipc'],
    });
    closeSync(writer);
    onTestFinished(() => void child.kill('SIGKILL'));
    const ended = new Promise<{ dropped: number }>((resolve) =>
      child.once('message', (message) => resolve(message as { dropped: number })),
    );
    const { dropped } = await ended;
    expect(dropped).toBeGreaterThan(0);
    const bytes = Buffer.alloc(1 << 20);
    const text = bytes.toString('latin1', 0, readSync(reader, bytes, 0, bytes.length, null));
    closeSync(reader);
    const whole = text.slice(0, text.lastIndexOf('\n')).split('\n');
    expect(whole.length).toBeGreaterThan(100);
    for (const one of whole) expect(() => JSON.parse(one)).not.toThrow();
  });
});
