/** What keeps targets from being asked too much, and clients from noticing: as a data plane gets it. */

/** What is tried again. */
export interface RetrySpec {
  /** Further tries of one request; the replacement of a kept connection that died is not one of them. */
  readonly triesMax: number;
  /** No connection was made. */
  readonly onConnect: boolean;
  /** A kept connection died before a byte of an answer. */
  readonly onReusedConnection: boolean;
  /** A new one did. */
  readonly onReset: boolean;
  /** Of 502, 503 and 504, those that are tried again. */
  readonly onStatus: readonly number[];
  readonly budgetPercent: number;
  readonly budgetMin: number;
  /** From the beginning of a try to the head of its answer; 0: no limit. */
  readonly perTryMs: number;
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  /** Requests with an Idempotency-Key count as idempotent. */
  readonly idempotencyKey: boolean;
}

export interface BreakerSpec {
  readonly ofPool: boolean;
  readonly ofTarget: boolean;
  readonly failurePercent: number;
  /** Requests within the window below which it never opens. */
  readonly minimum: number;
  readonly windowMs: number;
  readonly openMs: number;
  readonly recoverMs: number;
}

export interface RateLimitSpec {
  readonly kind: 'client-ip' | 'header' | 'cookie';
  /** Of the header field (lower case) or the cookie; "" for the address. */
  readonly name: string;
  readonly perSecond: number;
  readonly burst: number;
  /** Keys remembered by one worker. */
  readonly keysMax: number;
}

/** How many requests a target may have at once, and how many may wait for that. */
export interface AdmissionSpec {
  /** Over all workers: each takes its part, rounded up. */
  readonly targetInFlightMax: number;
  /** Over all workers, of one pool. */
  readonly queueMax: number;
  readonly queueMs: number;
}

export interface PauseSpec {
  readonly timeoutMs: number;
  /** Over all workers: each takes its part, rounded up. */
  readonly requestsMax: number;
  /** Over all workers. */
  readonly bytesMax: number;
  readonly resumeOverMs: number;
  /** GET and HEAD of it are answered meanwhile; "": of nothing. */
  readonly healthPath: string;
}
