/** What a data plane is asked about a request that is only described, and what it answers: plain data both. */
export type { Explanation } from '../schema/explain.ts';

/** A request as a client would send it, or a connection of a listener that passes bytes. */
export interface ExplainQuestion {
  readonly method: string;
  /** tcp: a connection; nothing else is said of it but `peer`, `listener` and, as `target`, the server's name. */
  readonly scheme: 'http' | 'https' | 'tcp';
  /** For Host. */
  readonly authority: string;
  /** Path and query. */
  readonly target: string;
  /** Names and values of the other fields: one line each, without control characters. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Where the connection comes from. */
  readonly peer: string;
  /** The listener that it comes by; null: the first. */
  readonly listener: string | null;
}
