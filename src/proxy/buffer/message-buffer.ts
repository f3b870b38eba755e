/**
 * The body of one message, kept until it is whole, and then read as often as it is needed: first in memory, what is longer
 * in a file. It is never waited for: it says when it is whole, and reads on when whoever takes it has room.
 *
 *   add ... add ─► end ─► (written) ─► onBuffered ─► readTo ─► ... ─► onAllTaken
 */
import type { BufferSpec, KeptIn } from '../../snapshot/buffer-spec.ts';
import { GatheredBytes } from '../http1/gathered-bytes.ts';
import type { Sender } from '../read-buffers.ts';
import type { Spool } from './spool.ts';
import type { SpoolFile, SpoolFileUser } from './spool-file.ts';

/** Bytes that wait for the disk; above it whoever sends is not read. */
const UNWRITTEN_BYTES_MAX = 262_144;
/** Handed over at once: whoever has no room for more is not handed more. */
const PIECE_BYTES = 65_536;

export interface BufferOwner {
  /** Every byte is kept. May be called inside of `end`. */
  onBuffered(): void;
  /** There may be room again, after `isBehind`. */
  onBufferRoom(): void;
  /** The disk is full, or fails; at any time before `close`. */
  onBufferFailure(): void;
}

/** Who the body is for. */
export interface BufferReader {
  /** Nothing more should be handed over before `resume`. */
  readonly isBlocked: boolean;
  /** Returns who still holds on to `chunk`'s memory; null: nobody. */
  take(chunk: Buffer): Sender | null;
  /** What was taken can be sent. */
  flush(): void;
  /** That was all. What was taken is not flushed yet. */
  onAllTaken(): void;
}

export class MessageBuffer implements SpoolFileUser {
  readonly #spec: BufferSpec;
  readonly #spool: Spool;
  readonly #owner: BufferOwner;
  #memory: GatheredBytes | null = null;
  #memoryBytes = 0;
  #file: SpoolFile | null = null;
  #bytes = 0;
  #isEnded = false;
  #isClosed = false;

  #reader: BufferReader | null = null;
  #readBytes = 0;
  /** Counts up with each reading, so that what was asked of the disk for one is not taken for another. */
  #reading = 0;
  #isReading = false;
  #piece: Buffer | null = null;

  constructor(spec: BufferSpec, spool: Spool, owner: BufferOwner) {
    this.#spec = spec;
    this.#spool = spool;
    this.#owner = owner;
  }

  get keptIn(): KeptIn {
    return this.#file === null ? 'memory' : 'disk';
  }

  /** The disk is slower than who sends: nothing more should be added before `onBufferRoom`. */
  get isBehind(): boolean {
    return this.#file !== null && this.#file.unwrittenBytes > UNWRITTEN_BYTES_MAX;
  }

  /** Copies `chunk`. 'too-long': the body is longer than may be kept. 'refused': there is no memory and no file for it. */
  add(chunk: Buffer): 'kept' | 'too-long' | 'refused' {
    this.#bytes += chunk.length;
    if (this.#bytes > bytesMaxOf(this.#spec)) {
      return 'too-long';
    }
    const toMemory = this.#file === null ? this.#toMemory(chunk) : 0;
    if (toMemory === chunk.length) {
      return 'kept';
    }
    this.#file ??= this.#spec.diskBytesMax > 0 ? this.#spool.open(this) : null;
    if (this.#file === null) {
      return 'refused';
    }
    this.#file.append(chunk, toMemory, chunk.length);
    return 'kept';
  }

  /** Returns how many bytes of `chunk` are kept in memory. */
  #toMemory(chunk: Buffer): number {
    const wanted = Math.min(chunk.length, this.#spec.memoryBytesMax - this.#memoryBytes);
    const taken = this.#spool.takeMemory(wanted);
    if (taken > 0) {
      this.#memory ??= new GatheredBytes();
      this.#memory.add(chunk, 0, taken);
      this.#memoryBytes += taken;
    }
    return taken;
  }

  /** The body is whole. */
  end(): void {
    this.#isEnded = true;
    if (this.#isClosed) {
      return;
    }
    if (this.#file === null || this.#file.unwrittenBytes === 0) {
      this.#owner.onBuffered();
    }
  }

  onWritten(): void {
    if (!this.#isEnded) {
      this.#owner.onBufferRoom();
    } else if (this.#file?.unwrittenBytes === 0) {
      this.#owner.onBuffered();
    }
  }

  onFileFailure(): void {
    this.#owner.onBufferFailure();
  }

  /** Hands all of it to `reader`, from the beginning and as fast as that has room. Whoever was reading is forgotten. */
  readTo(reader: BufferReader): void {
    this.#reader = reader;
    this.#reading++;
    this.#readBytes = 0;
    this.#pump();
  }

  /** The reader has room again. */
  resume(): void {
    this.#pump();
  }

  /** The reader wants no more. */
  stop(): void {
    this.#reader = null;
  }

  #pump(): void {
    const reader = this.#reader;
    if (reader === null || this.#isReading) {
      return;
    }
    while (this.#memory !== null && this.#readBytes < this.#memoryBytes && !reader.isBlocked) {
      const from = this.#memory.start + this.#readBytes;
      this.#readBytes = Math.min(this.#memoryBytes, this.#readBytes + PIECE_BYTES);
      reader.take(this.#memory.buffer.subarray(from, this.#memory.start + this.#readBytes));
    }
    if (this.#readBytes === this.#bytes) {
      this.#reader = null;
      return reader.onAllTaken();
    }
    reader.flush();
    if (!reader.isBlocked && this.#reader === reader) {
      this.#readFile(reader);
    }
  }

  #readFile(reader: BufferReader): void {
    const length = Math.min(PIECE_BYTES, this.#bytes - this.#readBytes);
    const piece = this.#piece ?? Buffer.allocUnsafeSlow(PIECE_BYTES);
    const reading = this.#reading;
    this.#piece = null;
    this.#isReading = true;
    this.#file?.read(piece.subarray(0, length), this.#readBytes - this.#memoryBytes, (bytes) => {
      this.#isReading = false;
      if (reading !== this.#reading || this.#reader === null) {
        return this.#pump();
      }
      if (bytes === 0) {
        return this.#owner.onBufferFailure();
      }
      this.#readBytes += bytes;
      if (reader.take(piece.subarray(0, bytes)) === null) {
        this.#piece = piece;
      }
      this.#pump();
    });
  }

  /** Gives everything back. Nothing is heard of it any more. */
  close(): void {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#reader = null;
      this.#spool.giveBackMemory(this.#memoryBytes);
      this.#memory = null;
      this.#piece = null;
      this.#file?.close();
    }
  }
}

/** The longest body that can be kept. */
export function bytesMaxOf({ memoryBytesMax, diskBytesMax }: BufferSpec): number {
  return memoryBytesMax + diskBytesMax;
}
