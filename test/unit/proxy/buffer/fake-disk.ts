import type { SpoolSystem } from '../../../../src/proxy/buffer/spool-file.ts';

type Act = () => void;

/** A disk that does what it is asked for when it is told to, and no more than it is told. */
export class FakeDisk implements SpoolSystem {
  /** What was asked for and not done yet: "open", "write 10", ... */
  readonly asked: { readonly what: string; readonly act: Act }[] = [];
  readonly names = new Set<string>();
  readonly opened = new Set<number>();
  content: Buffer = Buffer.alloc(0);
  /** Bytes that it takes before it is full. */
  room = Number.POSITIVE_INFINITY;
  /** Bytes that it takes in one write. */
  writeBytesMax = Number.POSITIVE_INFINITY;
  refusesToOpen = false;

  open(path: string, _flags: string, _mode: number, done: (error: NodeJS.ErrnoException | null, fd: number) => void) {
    this.#ask('open', () => {
      if (this.refusesToOpen) return done(new Error('EACCES'), -1);
      this.names.add(path);
      this.opened.add(7);
      done(null, 7);
    });
  }

  unlink(path: string, done: (error: NodeJS.ErrnoException | null) => void) {
    this.#ask('unlink', () => {
      this.names.delete(path);
      done(null);
    });
  }

  write(
    fd: number,
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    done: (error: NodeJS.ErrnoException | null, bytes: number) => void,
  ) {
    this.#ask(`write ${length}`, () => {
      this.#expectOpen(fd);
      const bytes = Math.min(length, this.writeBytesMax, this.room - position);
      if (bytes <= 0) return done(new Error('ENOSPC'), 0);
      const whole = Buffer.alloc(Math.max(this.content.length, position + bytes));
      this.content.copy(whole);
      buffer.copy(whole, position, offset, offset + bytes);
      this.content = whole;
      done(null, bytes);
    });
  }

  read(
    fd: number,
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    done: (error: NodeJS.ErrnoException | null, bytes: number) => void,
  ) {
    this.#ask(`read ${length}`, () => {
      this.#expectOpen(fd);
      done(null, this.content.copy(buffer, offset, position, position + length));
    });
  }

  close(fd: number, done: (error: NodeJS.ErrnoException | null) => void) {
    this.#expectOpen(fd);
    this.opened.delete(fd);
    done(null);
  }

  /** Does the next thing. */
  step(): void {
    this.asked.shift()?.act();
  }

  /** Does everything, and what follows from it. */
  run(): void {
    while (this.asked.length > 0) this.step();
  }

  #ask(what: string, act: Act): void {
    this.asked.push({ what, act });
  }

  #expectOpen(fd: number): void {
    if (!this.opened.has(fd)) throw new Error(`descriptor ${fd} is not open`);
  }
}
