/**
 * What listeners prove themselves by. It holds private keys, so it is no part of a snapshot: it is never stored, shown or
 * logged, and travels to workers by itself.
 */
export interface ListenerCredentials {
  /** 48 bytes in base64, the same in all workers: what one has given a client to resume by, every other one can read. */
  readonly ticketKeys: string;
  /** By listener. */
  readonly certificates: Readonly<Record<string, readonly CertificateSpec[]>>;
}

export interface CertificateSpec {
  /** DNS names that it is for, lower case; "*.example.com" for one label in place of "*". */
  readonly names: readonly string[];
  /** PEM: the certificate, then those that lead to its authority. */
  readonly cert: string;
  /** PEM, not encrypted. */
  readonly key: string;
}
