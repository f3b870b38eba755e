/**
 * What all buffers of one worker have together: memory, and files without a name. Both are bounded here, whatever single
 * services may keep: where memory runs out, bodies go to disk at once, and where files run out, they are refused.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SpoolFile, type SpoolFileUser, type SpoolSystem } from './spool-file.ts';

/** Of all buffers: as much as a worker with many connections needs otherwise. */
const MEMORY_BYTES_MAX = 268_435_456;
/** A file is a descriptor, of which there must be enough for clients and targets. */
const FILES_MAX = 256;

/** Descriptors are counted where those of clients are. */
export interface FileBudget {
  take(): boolean;
  giveBack(): void;
}

export interface SpoolOptions {
  /** Default: the one for temporary files, as TMPDIR names it. */
  readonly folder?: string | undefined;
  readonly descriptors?: FileBudget;
  readonly system?: SpoolSystem;
  readonly memoryBytesMax?: number;
  readonly filesMax?: number;
}

export class Spool {
  readonly #folder: string;
  readonly #descriptors: FileBudget;
  readonly #system: SpoolSystem;
  readonly #memoryBytesMax: number;
  readonly #filesMax: number;
  /** Kept at this moment. */
  memoryBytes = 0;
  diskBytes = 0;
  #files = 0;

  constructor({
    folder = tmpdir(),
    descriptors = UNCOUNTED,
    system = fs,
    memoryBytesMax = MEMORY_BYTES_MAX,
    filesMax = FILES_MAX,
  }: SpoolOptions = {}) {
    this.#folder = folder;
    this.#descriptors = descriptors;
    this.#system = system;
    this.#memoryBytesMax = memoryBytesMax;
    this.#filesMax = filesMax;
  }

  /** How much of `bytes` may be kept in memory, and is counted from now on. */
  takeMemory(bytes: number): number {
    const taken = Math.min(bytes, this.#memoryBytesMax - this.memoryBytes);
    this.memoryBytes += taken;
    return taken;
  }

  giveBackMemory(bytes: number): void {
    this.memoryBytes -= bytes;
  }

  /** Null: there are too many already. */
  open(user: SpoolFileUser): SpoolFile | null {
    if (this.#files >= this.#filesMax || !this.#descriptors.take()) {
      return null;
    }
    this.#files++;
    const name = `cutover-${process.pid}-${randomBytes(12).toString('hex')}`;
    return new SpoolFile(path.join(this.#folder, name), this, user, this.#system);
  }

  fileGrew(bytes: number): void {
    this.diskBytes += bytes;
  }

  fileClosed(bytes: number): void {
    this.diskBytes -= bytes;
    this.#files--;
    this.#descriptors.giveBack();
  }
}

const UNCOUNTED: FileBudget = { take: () => true, giveBack: () => {} };
