/**
 * What is read twice, once by each side of a comparison. Bytes are latin-1 strings (one character, one byte), so that
 * a case can be cut, spliced, printed and sent between processes as it is.
 */
import { seededRandom } from '../../src/base/random.ts';
import type { Pieces } from '../helpers/write-pieces.ts';

export type FuzzCase = RequestCase | ResponseCase;

/** Bytes that a client sends on one connection: any number of requests. */
export interface RequestCase {
  readonly kind: 'request';
  readonly text: string;
  readonly pieces: Pieces;
  /** When the proxy answers: as soon as a request is whole, when all bytes have come, or at its head. */
  readonly answers: 'at once' | 'at the end' | 'at the head';
}

/** Bytes that a target answers to one request. */
export interface ResponseCase {
  readonly kind: 'response';
  readonly text: string;
  readonly pieces: Pieces;
  /** Of the request. */
  readonly method: 'GET' | 'HEAD' | 'POST';
  /** The protocol that the request asked for; "" for none. */
  readonly upgrade: '' | 'websocket';
  /** The target closes its side after its last byte. */
  readonly ends: boolean;
}

/** Longest piece that random segmentation makes: shorter than most lines. */
const RANDOM_PIECE_BYTES_MAX = 24;

/** The segments of a case, in order; none of them empty. */
export function segmentsOf({ text, pieces }: FuzzCase): Buffer[] {
  const bytes = Buffer.from(text, 'latin1');
  if (pieces === 'whole' || bytes.length === 0) return bytes.length === 0 ? [] : [bytes];
  const random = typeof pieces === 'number' ? null : seededRandom(pieces.seed);
  const segments: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const length = random === null ? (pieces as number) : 1 + Math.floor(random.next() * RANDOM_PIECE_BYTES_MAX);
    segments.push(Buffer.from(bytes.subarray(at, at + length)));
    at += length;
  }
  return segments;
}
