/** What a session and its streams need from their listener. */
import type { ClientHost } from '../http1/client-host.ts';
import type { FlushRound } from './frames/flush-round.ts';
import type { StreamHeadReader } from './stream-head.ts';

export interface SessionHost extends ClientHost {
  /** Reads into `requestHead`. */
  readonly streamHead: StreamHeadReader;
  /** What the fields of a head are read into. */
  readonly fields: string[];
  /** When the frames of all sessions leave. */
  readonly flushRound: FlushRound;
}
