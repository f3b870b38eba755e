/** What a client's connection stands between: the listener that accepted it, and the request that it has under way. */
import type { ListenerSpec } from '../../snapshot/types.ts';
import type { Deadlines } from '../deadlines.ts';
import type { Downstream, UpstreamBound } from '../downstream.ts';
import type { FailureCode } from '../errors.ts';
import type { Origin } from '../origin.ts';
import type { ReadBuffers } from '../read-buffers.ts';
import type { RequestHead } from './request-head.ts';

/**
 * How long a connection that has brought no request is left open while the proxy ends. Who opens one for a request sends
 * it at once; what is left after that was opened to have one at hand, as browsers do.
 */
export const UNUSED_MS_MAX = 1_000;

/** A client's connection, whatever is spoken on it, as its listener knows it. */
export interface ClientLink {
  readonly origin: Origin;
  /** Where its listener has it; -1: nowhere. */
  linkSlot: number;
  /** Closes it if nothing is under way on it; called again and again while the process ends. */
  closeIfIdle(): void;
  /** Ends it now; what is under way counts as cut. */
  destroy(): void;
}

/** Whoever asks for something: a connection or, where many requests share one, a stream of it. */
export interface Requester extends Downstream {
  readonly origin: Origin;
  /** Of the request being answered; "": no service has taken it. */
  readonly requestId: string;
}

/** What a connection needs from its listener. */
export interface ClientHost {
  readonly spec: ListenerSpec;
  readonly deadlines: Deadlines;
  /** Read into by whichever connection has bytes; valid until the next head is read. */
  readonly requestHead: RequestHead;
  /** As `requestHead`: what whichever connection has bytes reads them into. */
  readonly readBuffer: Buffer;
  /** For those that bring much. */
  readonly readBuffers: ReadBuffers;
  /** Set while the listener drains: every answer is then the last one of its connection. */
  readonly isClosing: boolean;
  /** Routes a request. Null: it was answered at once. */
  begin(requester: Requester, head: RequestHead): RunningRequest | null;
  /** A request that was refused before it could be routed, or had to wait for that. Returns its id. */
  refused(code: FailureCode, requester: Requester): string;
  becameActive(): void;
  becameIdle(): void;
  becameTunnel(): void;
  closed(link: ClientLink, wasActive: boolean, wasTunnel: boolean): void;
}

export interface RunningRequest extends UpstreamBound {
  /** Longest silence inside the request's body. */
  readonly requestBodyIdleMs: number;
  /** Longest time the client may take none of what is sent to it. */
  readonly responseBodyIdleMs: number;
}
