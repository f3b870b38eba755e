import type { Socket } from 'node:net';
import { seededRandom } from '../../src/base/random.ts';

/** How bytes are cut into segments: not at all, into pieces of so many bytes, or into random ones of a seed. */
export type Pieces = 'whole' | number | { readonly seed: number };

/** Longer messages are cut into so many longer pieces: more turns of the event loop than this teach nothing. */
const WHOLLY_CUT_BYTES_MAX = 8192;
const LONG_PIECES = 2048;

/**
 * Writes `bytes` so that a reader in this process meets every border: one turn of the event loop per piece gives it
 * the time to read what is there.
 */
export async function writePieces(socket: Socket, bytes: Buffer, pieces: Pieces): Promise<void> {
  if (pieces === 'whole') {
    await writeWhole(socket, bytes);
    return;
  }
  const least = bytes.length > WHOLLY_CUT_BYTES_MAX ? Math.ceil(bytes.length / LONG_PIECES) : 1;
  const next = pieceLength(pieces, least);
  let at = 0;
  while (at < bytes.length && socket.writable) {
    const end = Math.min(at + next(), bytes.length);
    socket.write(bytes.subarray(at, end));
    at = end;
    await turn();
  }
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function writeWhole(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    if (!socket.writable || bytes.length === 0) return resolve();
    const stop = () => resolve();
    socket.once('close', stop);
    socket.write(bytes, () => {
      socket.off('close', stop);
      resolve();
    });
  });
}

function pieceLength(pieces: number | { readonly seed: number }, least: number): () => number {
  if (typeof pieces === 'number') return () => Math.max(pieces, least);
  const random = seededRandom(pieces.seed);
  return () => Math.max(1 + Math.floor(random.next() * 24), least);
}
