/** What a client of HTTP/2 may do on one connection. */
import type { ListenerLimits } from '../../snapshot/types.ts';

/** Of the table that requests may be compressed with: what everybody uses who was told nothing else. */
export const TABLE_BYTES = 4096;

/**
 * Bytes of all requests' bodies together that may be on their way. What one request may hold is its own window; this one only
 * keeps a client from sending without end, and is opened again at once.
 */
export const RECEIVE_WINDOW_BYTES = 1024 * 1024;

/**
 * What is counted of a head beyond what is refused with a 431: pseudo-fields, and heads that are somewhat too large. More than
 * this is not even kept to be refused, and its stream is reset: HPACK makes large heads of few bytes (CVE-2026-47774).
 */
const SPARE_PAIRS = 32;
/** What each pair counts beside its bytes: RFC 9113 section 6.5.2. */
const PAIR_OVERHEAD_BYTES = 32;

export function pairsMax(limits: ListenerLimits): number {
  return limits.fieldsMax + SPARE_PAIRS;
}

export function listBytesMax(limits: ListenerLimits): number {
  return 2 * limits.headBytesMax + pairsMax(limits) * PAIR_OVERHEAD_BYTES;
}

/**
 * Streams that end before their answer, by the client's doing, at once and per second. A browser that leaves a page resets
 * what it still loads, which is not more than may be under way at once (rapid reset: CVE-2023-44487, CVE-2025-8671).
 */
export const RESET_BURST = 200;
export const RESETS_PER_SECOND = 20;
/** And for each answer that is taken: many users may share one connection, of whom some give up. */
export const RESETS_PER_ANSWER = 0.5;

/** Pings and settings, which we answer, at once and per second. Some clients measure round trips all the time. */
export const CONTROL_BURST = 200;
export const CONTROL_PER_SECOND = 20;

/**
 * Frames that bring nothing and are not answered: priorities, data of no bytes, windows opened by a few bytes, what comes late,
 * what we do not know. Some clients send a few with each request, for which they get more of them.
 */
export const IDLE_BURST = 2000;
export const IDLE_PER_SECOND = 500;
export const IDLE_PER_REQUEST = 8;
/** And for each frame of an answer's body: its windows are opened, of the stream and of the session. */
export const IDLE_PER_DATA_FRAME = 4;

/** Bytes; a window that is opened by less at a time costs more frames than it brings. */
export const SMALL_INCREMENT = 256;

/** How long is waited, when the end is near, for what the client sent before it knew: far more than a round trip takes. */
export const NOTICE_MS_MAX = 1000;
