/** What a client of HTTP/2 may do, as node:http2 and nghttp2 below it hold it to. */
import type { ServerSessionOptions } from 'node:http2';
import type { ListenerLimits } from '../../snapshot/types.ts';

/**
 * What nghttp2 counts of a head beyond what is refused with a 431: pseudo-fields, and heads that are somewhat too large. More
 * than this is not even kept to be refused, and its stream is reset: HPACK makes large heads of few bytes (CVE-2026-47774).
 */
const SPARE_PAIRS = 32;
/** What each pair counts beside its bytes: RFC 9113 section 6.5.2. */
const PAIR_OVERHEAD_BYTES = 32;

/**
 * What one session may hold, above which no more streams are taken: frames and heads, in units of 1,000,000 bytes, and of each
 * stream what was read of its answer at once and waits to be sent. That this is no more is seen to by not reading on.
 */
const SESSION_MEGABYTES = 10;
const STREAM_MEGABYTES = 0.35;

/** Bytes of one request's body that may be under way before its target has taken any: also what one stream may hold. */
const WINDOW_BYTES = 65_535;

/** Settings in one frame, pings and settings of ours that the client has not acknowledged. */
const SETTINGS_MAX = 32;
const OUTSTANDING_MAX = 10;

/** Frames that break the rules, and streams refused for too many at once, after which the session ends. */
const INVALID_FRAMES_MAX = 100;
const REJECTED_STREAMS_MAX = 100;

/** Resets that nghttp2 itself takes, at once and per second: it sees those too that come before their request is known. */
const RESET_BURST = 500;
const RESETS_PER_SECOND = 50;

/** What targets may answer is limited by their services: this only keeps nghttp2 from ending a session for it. */
const ANSWER_HEAD_BYTES_MAX = 16 * 1024 * 1024;

/** One that the types of Node do not have yet. */
type SessionOptions = ServerSessionOptions & { readonly maxOutstandingSettings: number };

export function sessionOptions(limits: ListenerLimits): SessionOptions {
  const pairsMax = limits.fieldsMax + SPARE_PAIRS;
  return {
    maxHeaderListPairs: pairsMax,
    maxSessionMemory: Math.ceil(SESSION_MEGABYTES + limits.concurrentStreamsMax * STREAM_MEGABYTES),
    maxSettings: SETTINGS_MAX,
    maxOutstandingPings: OUTSTANDING_MAX,
    maxOutstandingSettings: OUTSTANDING_MAX,
    maxSessionInvalidFrames: INVALID_FRAMES_MAX,
    maxSessionRejectedStreams: REJECTED_STREAMS_MAX,
    streamResetBurst: RESET_BURST,
    streamResetRate: RESETS_PER_SECOND,
    maxSendHeaderBlockLength: ANSWER_HEAD_BYTES_MAX,
    strictFieldWhitespaceValidation: true,
    // A target may repeat a field that ought to be single: what it says passes as it is.
    strictSingleValueFields: false,
    settings: {
      enablePush: false,
      initialWindowSize: WINDOW_BYTES,
      maxConcurrentStreams: limits.concurrentStreamsMax,
      maxHeaderListSize: 2 * limits.headBytesMax + pairsMax * PAIR_OVERHEAD_BYTES,
    },
  };
}
