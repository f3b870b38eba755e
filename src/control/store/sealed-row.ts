import { crc32 } from 'node:zlib';

import { StoreError } from './store-error.ts';

/** A value as a table keeps it. */
export interface SealedRow {
  /** JSON. */
  readonly body: string;
  /**
   * CRC-32 of `body`. SQLite checks how its pages hang together and nothing of what stands in them, so that a flipped
   * bit in the port of a target would be served.
   */
  readonly checksum: number;
}

export function seal(value: unknown): SealedRow {
  const body = JSON.stringify(value);
  return { body, checksum: crc32(body) };
}

export function isIntact({ body, checksum }: SealedRow): boolean {
  return crc32(body) === checksum;
}

/** `T` is what was sealed: who reads a table knows what was written to it. Throws a `StoreError` if it is damaged. */
export function unseal<T>(row: SealedRow): T {
  if (!isIntact(row)) {
    throw new StoreError('damaged', `A row of the store does not match its checksum: ${row.body.slice(0, 80)}`);
  }
  return JSON.parse(row.body) as T;
}
