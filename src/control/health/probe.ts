import type { HealthCheck } from './wanted-target.ts';

/** One check of one target. Must settle soon after `signal` fires, and reject never. */
export type Probe = (request: ProbeRequest, signal: AbortSignal) => Promise<ProbeResult>;

export interface ProbeRequest {
  readonly host: string;
  readonly port: number;
  readonly check: HealthCheck;
}

/** `null`: passed. Otherwise why not, for the operator to read. */
export type ProbeResult = ProbeFailure | null;

/** Short and made of our own words, except for the status code: what a target sends never gets in. */
export type ProbeFailure =
  | 'refused'
  | 'unreachable'
  | 'name not resolved'
  | 'address not allowed'
  | 'reset'
  | 'timeout'
  | 'bad response'
  | 'wrong body'
  | 'no free connection'
  | `status ${number}`;
