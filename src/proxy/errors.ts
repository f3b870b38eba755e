/**
 * Every way a request can fail, in one table: what the client is told, whose doing it was, and the ledger bucket it
 * ends in. The code is the `reason` of `cutover_failures_total` and of the access log; the page
 * docs/reference/failures.md is held against this table by a test.
 */
import { REFUSED_ADDRESS_CODE } from '../base/target-guard.ts';

/** Whose doing a failure was. `client`: the request was at fault; its answer counts as a completed request. */
export type FailureSource = 'client' | 'upstream' | 'proxy';

export interface Failure {
  /** What the client is answered, as long as no response head was sent; 0: nothing can be answered. */
  readonly status: number;
  readonly source: FailureSource;
  /** Said to the client: nothing about the inside. */
  readonly text: string;
}

export const FAILURES = {
  malformed_request: { status: 400, source: 'client', text: 'The request is not well-formed HTTP.' },
  bad_host: { status: 400, source: 'client', text: 'The request needs exactly one valid Host.' },
  ambiguous_length: { status: 400, source: 'client', text: "The request's length is not clear." },
  ambiguous_path: { status: 400, source: 'client', text: 'The path can be read in more than one way.' },
  malformed_body: { status: 400, source: 'client', text: 'The request body is not well-formed.' },
  no_service: { status: 404, source: 'client', text: 'No service has this host and path.' },
  last_hop: { status: 200, source: 'client', text: 'The request may not be passed on any further.' },
  pause_health: { status: 200, source: 'client', text: 'The application is paused, and the proxy is well.' },
  method_not_allowed: { status: 405, source: 'client', text: 'This method is not served here.' },
  request_head_timeout: { status: 408, source: 'client', text: 'The request head took too long.' },
  request_body_timeout: { status: 408, source: 'client', text: 'The request body took too long.' },
  body_too_large: { status: 413, source: 'client', text: 'The request body is too large.' },
  target_too_long: { status: 414, source: 'client', text: 'The request target is too long.' },
  expectation_failed: { status: 417, source: 'client', text: 'The expectation cannot be met.' },
  rate_limited: { status: 429, source: 'client', text: 'There were too many requests from here.' },
  head_too_large: { status: 431, source: 'client', text: 'The request head is too large.' },
  client_closed: { status: 499, source: 'client', text: '' },
  connection_idle: { status: 0, source: 'client', text: '' },
  client_stalled: { status: 499, source: 'client', text: '' },
  internal: { status: 500, source: 'proxy', text: 'The request could not be handled.' },
  user_code_failed: { status: 500, source: 'proxy', text: 'The request could not be handled.' },
  unknown_method: { status: 501, source: 'client', text: 'This method is not known.' },
  unknown_coding: { status: 501, source: 'client', text: 'This transfer coding is not known.' },
  connect_refused: { status: 502, source: 'upstream', text: 'The application did not answer.' },
  connect_failed: { status: 502, source: 'upstream', text: 'The application could not be reached.' },
  address_refused: { status: 502, source: 'upstream', text: 'The application could not be reached.' },
  upstream_closed: { status: 502, source: 'upstream', text: 'The application closed the connection.' },
  upstream_reset: { status: 502, source: 'upstream', text: 'The application reset the connection.' },
  upstream_malformed: { status: 502, source: 'upstream', text: 'The application answered with invalid HTTP.' },
  upstream_head_too_large: { status: 502, source: 'upstream', text: "The application's answer head is too large." },
  upstream_truncated: { status: 502, source: 'upstream', text: 'The application broke off its answer.' },
  response_too_large: { status: 502, source: 'upstream', text: "The application's answer is too large." },
  no_target: { status: 503, source: 'proxy', text: 'The application is not available.' },
  breaker_open: { status: 503, source: 'proxy', text: 'The application is not available.' },
  queue_full: { status: 503, source: 'proxy', text: 'The application has too much to do.' },
  queue_timeout: { status: 503, source: 'proxy', text: 'The application has too much to do.' },
  hold_full: { status: 503, source: 'proxy', text: 'The application is paused.' },
  hold_timeout: { status: 503, source: 'proxy', text: 'The application is paused.' },
  overloaded: { status: 503, source: 'proxy', text: 'There is more to do than can be done.' },
  buffer_unavailable: { status: 503, source: 'proxy', text: 'There is more to keep than can be kept.' },
  no_ports: { status: 503, source: 'proxy', text: 'The application is not available.' },
  no_descriptors: { status: 503, source: 'proxy', text: 'The application is not available.' },
  connect_timeout: { status: 504, source: 'upstream', text: 'The application did not answer in time.' },
  response_timeout: { status: 504, source: 'upstream', text: 'The application did not answer in time.' },
  upstream_stalled: { status: 504, source: 'upstream', text: 'The application did not take the request in time.' },
  total_timeout: { status: 504, source: 'upstream', text: 'The application did not answer in time.' },
  unsupported_version: { status: 505, source: 'client', text: 'This version of HTTP is not served here.' },
  cut: { status: 503, source: 'proxy', text: 'The application is being replaced.' },
} as const satisfies Readonly<Record<string, Failure>>;

export type FailureCode = keyof typeof FAILURES;

export function failureOf(code: FailureCode): Failure {
  return FAILURES[code];
}

/** The only place where what the operating system says of a socket becomes a failure. */
export function connectFailure(error: NodeJS.ErrnoException): FailureCode {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'connect_refused';
    case 'ETIMEDOUT':
      return 'connect_timeout';
    case 'EADDRNOTAVAIL':
      return 'no_ports';
    case 'EMFILE':
    case 'ENFILE':
      return 'no_descriptors';
    case REFUSED_ADDRESS_CODE:
      return 'address_refused';
    default:
      return 'connect_failed';
  }
}
