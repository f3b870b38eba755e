/**
 * A file that nobody else can find: its name is gone as soon as it is open, and its space as soon as it is closed, also
 * where this process is killed. Nothing waits for the disk: what comes is gathered while a write is under way.
 */
import { GatheredBytes } from '../http1/gathered-bytes.ts';

type Done = (error: NodeJS.ErrnoException | null) => void;
type DoneWith = (error: NodeJS.ErrnoException | null, result: number) => void;

/** The part of node:fs that is used. */
export interface SpoolSystem {
  open(path: string, flags: string, mode: number, done: DoneWith): void;
  unlink(path: string, done: Done): void;
  write(fd: number, buffer: Buffer, offset: number, length: number, position: number, done: DoneWith): void;
  read(fd: number, buffer: Buffer, offset: number, length: number, position: number, done: DoneWith): void;
  close(fd: number, done: Done): void;
}

export interface SpoolFileUser {
  /** Less waits to be written than before. */
  onWritten(): void;
  /** The disk is full, or fails. Nothing more can be done with the file but to close it. */
  onFileFailure(): void;
}

/** Whose bytes are counted. */
export interface SpoolAccount {
  fileGrew(bytes: number): void;
  fileClosed(bytes: number): void;
}

export class SpoolFile {
  readonly #account: SpoolAccount;
  readonly #user: SpoolFileUser;
  readonly #system: SpoolSystem;
  #fd = -1;
  #bytes = 0;
  #writtenBytes = 0;
  /** Comes after what is being written. */
  #waiting = new GatheredBytes();
  #isOpening = true;
  #isWriting = false;
  #isReading = false;
  #hasFailed = false;
  #isClosed = false;

  constructor(path: string, account: SpoolAccount, user: SpoolFileUser, system: SpoolSystem) {
    this.#account = account;
    this.#user = user;
    this.#system = system;
    system.open(path, 'wx+', 0o600, (error, fd) => this.#onOpen(error, fd, path));
  }

  /** Not on disk yet. */
  get unwrittenBytes(): number {
    return this.#bytes - this.#writtenBytes;
  }

  append(source: Buffer, from: number, to: number): void {
    this.#bytes += to - from;
    this.#account.fileGrew(to - from);
    this.#waiting.add(source, from, to);
    this.#write();
  }

  /** Reads what was written at `position` into `buffer`; `done` hears how much, 0 for a failure. One at a time. */
  read(buffer: Buffer, position: number, done: (bytes: number) => void): void {
    this.#isReading = true;
    this.#system.read(this.#fd, buffer, 0, buffer.length, position, (error, bytes) => {
      this.#isReading = false;
      if (!this.#closeIfWanted()) {
        done(error === null ? bytes : 0);
      }
    });
  }

  /** Its space is given back as soon as the system has done what it is doing. Nothing is heard of it any more. */
  close(): void {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#closeIfWanted();
    }
  }

  #onOpen(error: NodeJS.ErrnoException | null, fd: number, path: string): void {
    if (error !== null) {
      this.#isOpening = false;
      return this.#fail();
    }
    this.#fd = fd;
    this.#system.unlink(path, (unlinkError) => {
      this.#isOpening = false;
      if (unlinkError !== null) {
        this.#fail();
      } else if (!this.#closeIfWanted()) {
        this.#write();
      }
    });
  }

  #write(): void {
    if (!this.#isOpening && !this.#isWriting && !this.#hasFailed && this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = new GatheredBytes();
      this.#writeOn(batch.buffer, batch.start, batch.length);
    }
  }

  /** A disk that is nearly full takes a part. */
  #writeOn(buffer: Buffer, offset: number, length: number): void {
    this.#isWriting = true;
    this.#system.write(this.#fd, buffer, offset, length, this.#writtenBytes, (error, bytes) => {
      this.#isWriting = false;
      if (this.#closeIfWanted()) {
        return;
      }
      if (error !== null || bytes === 0) {
        return this.#fail();
      }
      this.#writtenBytes += bytes;
      if (bytes < length) {
        return this.#writeOn(buffer, offset + bytes, length - bytes);
      }
      this.#write();
      this.#user.onWritten();
    });
  }

  #fail(): void {
    this.#hasFailed = true;
    if (!this.#closeIfWanted()) {
      this.#user.onFileFailure();
    }
  }

  /** Whether it is closed, or will be. A descriptor that is closed while it is used could be another's by then. */
  #closeIfWanted(): boolean {
    if (this.#isClosed && !this.#isOpening && !this.#isWriting && !this.#isReading) {
      if (this.#fd >= 0) {
        this.#system.close(this.#fd, ignore);
        this.#fd = -1;
      }
      this.#account.fileClosed(this.#bytes);
      this.#bytes = 0;
    }
    return this.#isClosed;
  }
}

function ignore(): void {}
