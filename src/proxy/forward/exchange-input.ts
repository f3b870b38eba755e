/** What an exchange is given: the request as its target gets it, and what it goes by. */
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { BufferSpec } from '../../snapshot/buffer-spec.ts';
import type { ServiceSpec } from '../../snapshot/types.ts';
import type { ServiceBuffers } from '../buffer/service-buffers.ts';
import type { AccessEntry } from '../access-log.ts';
import type { Deadlines } from '../deadlines.ts';
import type { Framing } from '../http1/request-head.ts';

/** Apart from the body, which follows. */
export interface ExchangeRequest {
  readonly method: string;
  readonly methodIndex: number;
  /** As it goes on the wire. */
  readonly head: string;
  readonly framing: Framing;
  readonly upgrade: string;
  readonly requestId: string;
  /** Lower-case names of fields that do not pass, in trailers either. */
  readonly withheld: ReadonlySet<string>;
  /** It may be processed twice (RFC 9110 section 9.2.2). */
  readonly isIdempotent: boolean;
  /** How the body is kept until it is whole; null: it passes as it comes. */
  readonly kept: BufferSpec | null;
  /** null: it is not logged. */
  readonly entry: AccessEntry | null;
}

/** A copy of the request that goes elsewhere: it is told what passes and never waited for. */
export interface RequestCopy {
  begin(request: ExchangeRequest, isComplete: boolean): void;
  body(chunk: Buffer): void;
  end(): void;
  /** The request is over; a copy that was not whole by then is not sent. */
  abandon(): void;
}

/** By whose settings a request goes. */
export interface ExchangeService {
  readonly spec: Pick<ServiceSpec, 'timeouts' | 'limits' | 'retries'>;
  /** null: nothing is kept until it is whole. */
  readonly buffers: ServiceBuffers | null;
}

export interface ExchangeContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly deadlines: Deadlines;
}
