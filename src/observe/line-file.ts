/**
 * Lines that several processes append to one file. Each write is of whole lines, in one call on a descriptor that appends,
 * so that lines of different processes never mix; whoever writes a line never waits. What a slow or full disk does not take
 * is held up to a limit, and beyond that dropped and counted.
 */
import { close, closeSync, constants, fstatSync, openSync, write } from 'node:fs';

import type { Clock, Timer } from '../base/clock.ts';

/** Standard output in the place of a file. */
export const STDOUT = 'stdout';
/** Written at once when so much waits. */
const FLUSH_CHARS = 65_536;
/** Written at the latest after so long. */
export const FLUSH_MS = 1_000;
/** Held while the one before is being written: some seconds of a busy worker. Beyond it lines are dropped. */
const HELD_CHARS_MAX = 4 * 1024 * 1024;
/** POSIX: up to so many bytes are written to a pipe whole, whoever else writes to it. */
const PIPE_BYTES_MAX = 4_096;
/** Whoever can read what clients ask for is of the proxy's group. */
const FILE_MODE = 0o640;

const STDOUT_FD = 1;

/** A pipe that nobody reads must hold up neither who opens it nor who writes. */
const OPEN_FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

/** How long the end of a process waits for its last lines. */
const CLOSE_MS_MAX = 1_000;
const CLOSE_POLL_MS = 5;

export class LineFile {
  /** Lines that were not kept, since the start. */
  dropped = 0;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #heldCharsMax: number;
  /** null: it could not be opened, which is tried again with the next lines. */
  #fd: number | null = null;
  #isPipe = false;
  /** Lines that wait, in one text; ASCII, so that characters are bytes. */
  #held = '';
  /** The last write ended in the middle of a line: the next begins one. */
  #isTorn = false;
  #isWriting = false;
  #isReopening = false;
  #isClosed = false;
  #timer: Timer | null = null;

  constructor(path: string, clock: Clock, heldCharsMax = HELD_CHARS_MAX) {
    this.#path = path;
    this.#clock = clock;
    this.#heldCharsMax = heldCharsMax;
  }

  /** `line` with its end, in ASCII. */
  write(line: string): void {
    if (this.#isClosed || this.#held.length + line.length > this.#heldCharsMax) {
      this.dropped++;
      return;
    }
    this.#held += line;
    if (this.#held.length >= FLUSH_CHARS) this.#flush();
    else this.#timer ??= this.#clock.setTimer(FLUSH_MS, () => this.#flush());
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
    while ((this.#held !== '' || this.#isWriting) && this.#clock.monotonicMs() < deadlineAt) {
      this.#flush();
      await new Promise<void>((resolve) => void setTimeout(resolve, CLOSE_POLL_MS));
    }
    this.#timer?.cancel();
    this.#drop(this.#held);
    this.#held = '';
    if (!this.#isWriting) this.#letGo();
  }

  #flush(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#isWriting || this.#held === '') return;
    const fd = this.#open();
    if (fd === null) {
      this.#drop(this.#held);
      this.#held = '';
      return;
    }
    const bytes = Buffer.from(this.#next(), 'latin1');
    this.#isWriting = true;
    write(fd, bytes, 0, bytes.length, null, (error, count) => {
      this.#isWriting = false;
      if (error === null) this.#took(bytes, count);
      else if (error.code === 'EAGAIN') this.#held = bytes.toString('latin1') + this.#held;
      else this.#lost(bytes);
      if (this.#isReopening) this.#letGo();
      this.#goOn(error === null);
    });
  }

  /** A reader that has taken nothing is given time. */
  #goOn(isTaking: boolean): void {
    if (this.#held === '') return;
    if (isTaking && (this.#isPipe || this.#held.length >= FLUSH_CHARS)) this.#flush();
    else this.#timer ??= this.#clock.setTimer(FLUSH_MS, () => this.#flush());
  }

  /** Takes the lines that go out together. */
  #next(): string {
    let next = this.#held;
    if (this.#isPipe && next.length > PIPE_BYTES_MAX) {
      const end = next.lastIndexOf('\n', PIPE_BYTES_MAX - 2) + 1;
      next = next.slice(0, end === 0 ? next.indexOf('\n') + 1 : end);
    }
    this.#held = this.#held.slice(next.length);
    return this.#isTorn ? `\n${next}` : next;
  }

  /** `count`: bytes that were written. What is left would come behind lines of others: it is given up, as a whole. */
  #took(bytes: Buffer, count: number): void {
    this.#isTorn = count === 0 ? this.#isTorn : bytes[count - 1] !== 0x0a;
    if (count < bytes.length) this.#drop(bytes.toString('latin1', count));
  }

  #lost(bytes: Buffer): void {
    this.#drop(bytes.toString('latin1'));
    // Another file may be there by then, or the same one have room.
    this.#isReopening = this.#path !== STDOUT;
  }

  #drop(lines: string): void {
    for (let at = lines.indexOf('\n'); at >= 0; at = lines.indexOf('\n', at + 1)) if (at > 0) this.dropped++;
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
