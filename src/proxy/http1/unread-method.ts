import { CR, LF } from './bytes.ts';

/**
 * Whether what cannot be read asks for a body: a HEAD gets none in any case (RFC 9110 section 9.3.2). Behind what is
 * refused before it is seen, as a bare LF is, it is not looked for.
 */
export function methodAt(buffer: Buffer, from: number, to: number): 'GET' | 'HEAD' {
  let at = from;
  while (at < to && at < from + 4 && buffer[at] === CR && buffer[at + 1] === LF) {
    at += 2;
  }
  return buffer.toString('latin1', at, Math.min(at + 5, to)) === 'HEAD ' ? 'HEAD' : 'GET';
}
