/** Messages that are kept until they are whole, as plain data. */

/** How much of one body is kept: `memoryBytesMax`, and what is longer on disk. */
export interface BufferSpec {
  readonly memoryBytesMax: number;
  readonly diskBytesMax: number;
}

export interface BufferingSpec {
  /** null: passes as it comes. */
  readonly request: BufferSpec | null;
  readonly response: BufferSpec | null;
}

/** Which message was kept, and where: a label of a metric. */
export const KEPT_IN = ['memory', 'disk'] as const;

export type KeptIn = (typeof KEPT_IN)[number];
