import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';

import { FILE_MODE } from './durable-file.ts';

/** Digits of `Number.MAX_SAFE_INTEGER`: always as many, so that writing over the old one is one write of one length. */
const DIGITS = 16;

/**
 * Remembers beside the database which generation was acknowledged last.
 *
 * SQLite takes a write-ahead log that has lost its end for one whose last commits never happened: rightly so after a
 * crash, but the same is seen when a file was truncated, or when somebody copied the database without its log. Then
 * changes that were acknowledged are gone, and without this mark nobody would know.
 *
 * It is written after the commit has reached the disk and is not waited for: it can be behind, which only makes it
 * see less, and never ahead.
 */
export class GenerationMark {
  readonly #handle: number;

  constructor(file: string) {
    this.#handle = openSync(file, constants.O_RDWR | constants.O_CREAT, FILE_MODE);
  }

  set(generation: number): void {
    try {
      writeSync(this.#handle, `${String(generation).padStart(DIGITS, '0')}\n`, 0);
    } catch {
      // The change is kept, and says so.
    }
  }

  close(): void {
    closeSync(this.#handle);
  }
}

/** 0: nothing is known. */
export function readMark(file: string): number {
  try {
    const text = readFileSync(file, 'latin1');
    return /^\d{16}\n$/.test(text) ? Number(text) : 0;
  } catch {
    return 0;
  }
}
