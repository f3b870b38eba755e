/**
 * What a connection begins with that must be known before it can be routed: whom a proxy in front of us speaks for, and the
 * name of the server that it is for.
 */
import type { Deadlines, Expiring } from '../deadlines.ts';
import { GatheredBytes } from '../http1/gathered-bytes.ts';
import { serverNameOf } from './client-hello.ts';
import { type Addresses, readProxyHeader } from './proxy-header.ts';

/** For all of it. Whoever has something to say says it at once; whoever has not waits for the server to begin. */
export const PREFACE_MS_MAX = 5_000;

export interface PrefaceUser {
  /** Nothing more came in time. `isOwed`: something must come, or had begun to. */
  onPrefaceTimeout(isOwed: boolean): void;
}

export interface PrefaceParts {
  readonly proxyHeader: boolean;
  readonly serverName: boolean;
}

export class Preface implements Expiring {
  readonly #deadlines: Deadlines;
  readonly #user: PrefaceUser;
  readonly #bytes = new GatheredBytes();
  readonly #wantsServerName: boolean;
  /** A proxy's header must come, and has not. */
  owesHeader: boolean;
  deadlineAt: number;
  deadlineSlot = -1;
  /** What was found out; "": nothing. */
  serverName = '';
  /** Null: no header has told. */
  addresses: Addresses | null = null;

  constructor({ proxyHeader, serverName }: PrefaceParts, deadlines: Deadlines, user: PrefaceUser) {
    this.#deadlines = deadlines;
    this.#user = user;
    this.owesHeader = proxyHeader;
    this.#wantsServerName = serverName;
    this.deadlineAt = deadlines.nowMs + PREFACE_MS_MAX;
    deadlines.add(this);
  }

  add(buffer: Buffer, count: number): 'more' | 'done' | 'bad' {
    this.#bytes.add(buffer, 0, count);
    if (this.owesHeader) {
      const header = readProxyHeader(this.bytes);
      if (typeof header === 'string') {
        return header;
      }
      this.owesHeader = false;
      this.addresses = header.addresses;
      this.#bytes.dropBefore(this.#bytes.start + header.end);
    }
    if (!this.#wantsServerName) {
      return 'done';
    }
    const name = serverNameOf(this.bytes);
    this.serverName = name ?? '';
    return name === null ? 'more' : 'done';
  }

  /** All that has come, and is to be passed on. */
  get bytes(): Buffer {
    return this.#bytes.buffer.subarray(this.#bytes.start, this.#bytes.end);
  }

  expire(): void {
    this.#user.onPrefaceTimeout(this.owesHeader || this.#bytes.length > 0);
  }

  close(): void {
    this.#deadlines.remove(this);
  }
}
