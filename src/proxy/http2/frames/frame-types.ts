/** The numbers of HTTP/2: RFC 9113 sections 4.1, 6 and 7. */

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** `ack` and `endStream` are the same bit, of different frames. */
export const FLAG = { ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

export const ERROR = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
  enhanceYourCalm: 11,
} as const;

export type ErrorCode = (typeof ERROR)[keyof typeof ERROR];

/** In front of every frame: three bytes of length, type, flags, four of stream. */
export const FRAME_HEAD_BYTES = 9;

/** Longest payload that we take, and that we send: what everybody takes who has said nothing else. */
export const PAYLOAD_BYTES_MAX = 16_384;

/** What a window is before anything is said of it. */
export const DEFAULT_WINDOW_BYTES = 65_535;

/** No window is larger, and no stream's number. */
export const MAX_31_BITS = 0x7fff_ffff;
