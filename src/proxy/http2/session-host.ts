/** What a session and its streams need from their listener. */
import type { ClientHost } from '../http1/client-host.ts';
import type { StreamHeadReader } from './stream-head.ts';

export interface SessionHost extends ClientHost {
  /** Reads into `requestHead`. */
  readonly streamHead: StreamHeadReader;
}
