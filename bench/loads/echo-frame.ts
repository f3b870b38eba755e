/** The only WebSocket message of the measurement: binary, of 64 bytes (RFC 6455, section 5.2). */
import { randomBytes } from 'node:crypto';

const PAYLOAD_BYTES = 64;
const HEAD_BYTES = 2;
const MASK_BYTES = 4;
/** FIN and the opcode of a binary frame. */
const FINAL_BINARY = 0x82;
const MASKED = 0x80;

export const CLIENT_FRAME_BYTES = HEAD_BYTES + MASK_BYTES + PAYLOAD_BYTES;
export const SERVER_FRAME_BYTES = HEAD_BYTES + PAYLOAD_BYTES;

/** As clients send it: masked. */
export function clientFrame(): Buffer {
  return Buffer.concat([
    Buffer.from([FINAL_BINARY, MASKED | PAYLOAD_BYTES]),
    randomBytes(MASK_BYTES),
    randomBytes(PAYLOAD_BYTES),
  ]);
}

/** The frame that a server sends back for a frame of a client. */
export function echoOf(frame: Buffer): Buffer {
  const echo = Buffer.allocUnsafe(SERVER_FRAME_BYTES);
  echo[0] = FINAL_BINARY;
  echo[1] = PAYLOAD_BYTES;
  for (let i = 0; i < PAYLOAD_BYTES; i++) {
    const mask = frame[HEAD_BYTES + (i % MASK_BYTES)] ?? 0;
    echo[HEAD_BYTES + i] = (frame[HEAD_BYTES + MASK_BYTES + i] ?? 0) ^ mask;
  }
  return echo;
}
