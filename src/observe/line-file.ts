/**
 * Lines that several processes append to one file. Each write is of whole lines, in one call on a descriptor that appends,
 * so that lines of different processes never mix; whoever writes a line never waits. What a slow or full disk does not take
 * is held up to a limit, and beyond that dropped and counted.
 */
import { close, closeSync, constants, fstatSync, openSync, write } from 'node:fs';

import type { Clock, Timer } from '../base/clock.ts';

/** Standard output in the place of a file. */
export const STDOUT = 'stdout';
/** Written at once when so much waits: one call for some hundred lines. */
const CHUNK_BYTES = 65_536;
/** Written at the latest after so long. */
export const FLUSH_MS = 1_000;
/** Held while others are being written: some seconds of a busy worker. Beyond it lines are dropped. */
const HELD_BYTES_MAX = 4 * 1024 * 1024;
/** POSIX: up to so many bytes are written to a pipe whole, whoever else writes to it. */
const PIPE_BYTES_MAX = 4_096;
/** Whoever can read what clients ask for is of the proxy's group. */
const FILE_MODE = 0o640;

const STDOUT_FD = 1;
const LF = 0x0a;

/** A pipe that nobody reads must hold up neither who opens it nor who writes. */
const OPEN_FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

/** How long the end of a process waits for its last lines. */
const CLOSE_MS_MAX = 1_000;
const CLOSE_POLL_MS = 5;

const NOTHING = Buffer.alloc(0);
const NEWLINE = Buffer.from('\n');

export class LineFile {
  /** Lines that were not kept, since the start. */
  dropped = 0;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #heldBytesMax: number;
  /** null: it could not be opened, which is tried again with the next lines. */
  #fd: number | null = null;
  #isPipe = false;
  /** Where lines are put together; texts that wait would keep all that they are made of. */
  #chunk: Buffer = NOTHING;
  #used = 0;
  /** Lines that go out next. */
  readonly #waiting: Buffer[] = [];
  /** Of the first of them. */
  #sent = 0;
  #heldBytes = 0;
  /** The last write ended in the middle of a line: the next begins one. */
  #isTorn = false;
  #isWriting = false;
  #isReopening = false;
  #isClosed = false;
  #timer: Timer | null = null;

  constructor(path: string, clock: Clock, heldBytesMax = HELD_BYTES_MAX) {
    this.#path = path;
    this.#clock = clock;
    this.#heldBytesMax = heldBytesMax;
  }

  /** `line` with its end, in ASCII, no longer than a chunk. */
  write(line: string): void {
    if (this.#isClosed || line.length > CHUNK_BYTES || this.#heldBytes + line.length > this.#heldBytesMax) {
      this.dropped++;
      return;
    }
    if (this.#used + line.length > this.#chunk.length) {
      this.#flush();
      if (this.#used > 0) this.#turnOver();
      if (line.length > this.#chunk.length) this.#chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    }
    this.#used += this.#chunk.write(line, this.#used, 'latin1');
    this.#heldBytes += line.length;
    if (this.#timer === null) this.#flushLater();
  }

  #flushLater(): void {
    this.#timer ??= this.#clock.setTimer(FLUSH_MS, () => {
      this.#timer = null;
      this.#flush();
    });
  }

  /** From the next line on to the file that has the name by then: the one before may have been moved away. */
  reopen(): void {
    if (this.#path === STDOUT) return;
    this.#isReopening = true;
    if (!this.#isWriting) this.#letGo();
  }

  /** Takes no more, and resolves when what waits is written, or that takes too long. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const deadlineAt = this.#clock.monotonicMs() + CLOSE_MS_MAX;
    while (this.#heldBytes > 0 && this.#clock.monotonicMs() < deadlineAt) {
      this.#flush();
      await new Promise<void>((resolve) => void setTimeout(resolve, CLOSE_POLL_MS));
    }
    this.#timer?.cancel();
    if (this.#isWriting) return;
    this.#dropAll();
    this.#letGo();
  }

  #flush(): void {
    if (this.#isWriting) return;
    if (this.#used > 0) this.#turnOver();
    const [first] = this.#waiting;
    if (first === undefined) return;
    const fd = this.#open();
    if (fd === null) return this.#dropAll();
    const piece = this.#pieceOf(first);
    const before = this.#isTorn ? NEWLINE : NOTHING;
    const bytes = this.#isTorn ? Buffer.concat([before, piece]) : piece;
    this.#isWriting = true;
    write(fd, bytes, 0, bytes.length, null, (error, count) => {
      this.#isWriting = false;
      const isWaitedFor = error?.code === 'EAGAIN' && !this.#isClosed;
      if (!isWaitedFor) this.#took(piece, error === null ? Math.max(0, count - before.length) : 0);
      // Another file may be there by then, or the same one have room.
      if (this.#isReopening || (error !== null && !isWaitedFor)) this.#letGo();
      this.#goOn(error === null);
    });
  }

  /** What is left of the chunk is used for the next lines. */
  #turnOver(): void {
    this.#waiting.push(this.#chunk.subarray(0, this.#used));
    this.#chunk = this.#chunk.subarray(this.#used);
    this.#used = 0;
  }

  /** A reader that has taken nothing is given time. */
  #goOn(isTaking: boolean): void {
    if (this.#heldBytes === 0) return;
    if (isTaking && this.#waiting.length > 0) this.#flush();
    else this.#flushLater();
  }

  /** Lines that go out together, from where the last ones ended. */
  #pieceOf(first: Buffer): Buffer {
    const left = first.subarray(this.#sent);
    if (!this.#isPipe || left.length <= PIPE_BYTES_MAX) return left;
    const end = left.lastIndexOf(LF, PIPE_BYTES_MAX - 2) + 1;
    return left.subarray(0, end === 0 ? left.indexOf(LF) + 1 : end);
  }

  /** `count`: bytes that were written. What is left would come behind lines of others: it is given up, as a whole. */
  #took(piece: Buffer, count: number): void {
    this.#heldBytes -= piece.length;
    this.#sent += piece.length;
    if (this.#sent === this.#waiting[0]?.length) {
      this.#waiting.shift();
      this.#sent = 0;
    }
    if (count > 0) this.#isTorn = piece[count - 1] !== LF;
    this.dropped += endsIn(piece.subarray(count));
  }

  #dropAll(): void {
    if (this.#used > 0) this.#turnOver();
    const [first = NOTHING, ...others] = this.#waiting.splice(0);
    this.dropped += endsIn(first.subarray(this.#sent));
    for (const one of others) this.dropped += endsIn(one);
    this.#sent = 0;
    this.#heldBytes = 0;
  }

  #open(): number | null {
    if (this.#fd !== null) return this.#fd;
    try {
      this.#fd = this.#path === STDOUT ? openStdout() : openSync(this.#path, OPEN_FLAGS, FILE_MODE);
      // Also a file of that name may be a pipe.
      this.#isPipe = !fstatSync(this.#fd).isFile();
    } catch {
      this.#fd = null;
    }
    return this.#fd;
  }

  #letGo(): void {
    this.#isReopening = false;
    if (this.#fd !== null && this.#fd !== STDOUT_FD) close(this.#fd, () => {});
    this.#fd = null;
    this.#isTorn = false;
  }
}

/** How many lines end in there. */
function endsIn(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) count++;
  return count;
}

/** Makes sure that lines can be written there. Throws the system's error where they cannot. */
export function requireWritable(path: string): void {
  if (path !== STDOUT) closeSync(openSync(path, OPEN_FLAGS, FILE_MODE));
}

/** A process that is started makes the pipes that it inherits wait for their readers: this one is opened anew. */
function openStdout(): number {
  try {
    return fstatSync(STDOUT_FD).isFIFO() ? openSync(`/proc/self/fd/${STDOUT_FD}`, OPEN_FLAGS) : STDOUT_FD;
  } catch {
    return STDOUT_FD;
  }
}
