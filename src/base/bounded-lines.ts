/** What a stream must be for it; `process.stdout` is one, which goes on after an error. */
export interface LineStream {
  /** What it holds, in bytes. */
  readonly writableLength: number;
  write(line: string, done: (error?: Error | null) => void): unknown;
  on(event: 'error', listener: () => void): unknown;
}

/** Held for a reader that is slow; what comes beyond it is dropped. */
const HELD_BYTES_MAX = 262_144;

/**
 * Lines for a stream that may not be read, or no longer: standard output is somebody else's pipe, terminal or full
 * disk. They are written as fast as they are taken, held up to a limit, and beyond that dropped and counted; nobody who
 * writes one waits, and none is worth the life of the process.
 */
export class BoundedLines {
  /** Since the start. */
  dropped = 0;
  readonly #stream: LineStream;
  readonly #heldBytesMax: number;
  readonly #noteDropped: (lines: number) => string | null;
  #untold = 0;

  /** `noteDropped` makes the line that goes ahead of the first one that is taken again. */
  constructor(
    stream: LineStream,
    noteDropped: (lines: number) => string | null = () => null,
    heldBytesMax = HELD_BYTES_MAX,
  ) {
    this.#stream = stream;
    this.#noteDropped = noteDropped;
    this.#heldBytesMax = heldBytesMax;
    // What became of a line is told to whoever wrote it; an error that nobody listens to would end the process.
    stream.on('error', () => {});
  }

  /** `line` with its end. */
  write(line: string): void {
    if (this.#stream.writableLength + line.length > this.#heldBytesMax) return this.#drop();
    const untold = this.#untold;
    this.#untold = 0;
    const note = untold === 0 ? null : this.#noteDropped(untold);
    if (note !== null) this.#stream.write(note, (error) => void (error && (this.#untold += untold)));
    this.#stream.write(line, (error) => void (error && this.#drop()));
  }

  #drop(): void {
    this.dropped += 1;
    this.#untold += 1;
  }
}
