/** What a connection begins with that must be known before it can be routed: the name of the server that it is for. */
import type { Deadlines, Expiring } from '../deadlines.ts';
import { GatheredBytes } from '../http1/gathered-bytes.ts';
import { serverNameOf } from './client-hello.ts';

/** For all of it. Whoever has something to say says it at once; whoever has not waits for the server to begin. */
export const PREFACE_MS_MAX = 5_000;

export interface PrefaceUser {
  /** Nothing more came in time. `isBegun`: something had come. */
  onPrefaceTimeout(isBegun: boolean): void;
}

export class Preface implements Expiring {
  readonly #deadlines: Deadlines;
  readonly #user: PrefaceUser;
  readonly #bytes = new GatheredBytes();
  deadlineAt: number;
  /** What was found out; "": nothing. */
  serverName = '';

  constructor(deadlines: Deadlines, user: PrefaceUser) {
    this.#deadlines = deadlines;
    this.#user = user;
    this.deadlineAt = deadlines.nowMs + PREFACE_MS_MAX;
    deadlines.add(this);
  }

  /** Whether all that must be known is. */
  add(buffer: Buffer, count: number): boolean {
    this.#bytes.add(buffer, 0, count);
    const name = serverNameOf(this.bytes);
    this.serverName = name ?? '';
    return name !== null;
  }

  /** All that has come, which is to be passed on. */
  get bytes(): Buffer {
    return this.#bytes.buffer.subarray(this.#bytes.start, this.#bytes.end);
  }

  expire(): void {
    this.#user.onPrefaceTimeout(this.#bytes.length > 0);
  }

  close(): void {
    this.#deadlines.remove(this);
  }
}
