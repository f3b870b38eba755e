import type { Clock } from '../../base/clock.ts';
import { hasRole } from '../../schema/roles.ts';
import { accessTo } from './access-table.ts';
import { AuthThrottle } from './auth-throttle.ts';
import { type BearerTokens, bearerTokenOf } from './bearer-tokens.ts';
import type { ClientCertificates } from './client-certificates.ts';
import { ANYBODY, type Principal, isInScope } from './principal.ts';
import { RequestError } from './request-error.ts';

/** By what callers are known. */
export interface AccessRules {
  readonly tokens: BearerTokens;
  readonly certificates: ClientCertificates;
}

/** What a request shows of who sends it. */
export interface Credentials {
  /** Every Authorization field. */
  readonly authorizations: readonly string[];
  /** The names in the certificate of its connection, if that was asked for and is good; `null`: none. */
  readonly subjectAltNames: string | null;
  /** Where it comes from: an IP address, or "unix". */
  readonly address: string;
}

/** Why somebody was not let in, for the metrics. */
export const AUTH_FAILURES = ['missing', 'malformed', 'unknown', 'expired', 'throttled', 'certificate'] as const;

export type AuthFailure = (typeof AUTH_FAILURES)[number];

export interface AuthFailureCount {
  readonly reason: AuthFailure;
  readonly count: number;
}

/** Says who calls and what they may do. */
export class AccessControl {
  readonly #clock: Clock;
  readonly #throttle: AuthThrottle;
  readonly #failures = new Map<AuthFailure, number>(AUTH_FAILURES.map((reason) => [reason, 0]));
  #rules: AccessRules | null;

  /** `rules` is `null` where whoever gets here may do everything. */
  constructor(clock: Clock, rules: AccessRules | null = null) {
    this.#clock = clock;
    this.#throttle = new AuthThrottle(clock);
    this.#rules = rules;
  }

  /** Whether nobody is asked who they are. */
  get isOpen(): boolean {
    return this.#rules === null;
  }

  /** Puts other rules in force. */
  use(rules: AccessRules | null): void {
    this.#rules = rules;
    this.#throttle.forgetKnown();
  }

  /**
   * Who sends a request with these credentials. Throws a `RequestError` (401, 429) that says nothing of why: which tokens
   * there are, were or will be is nobody's business who has none.
   */
  identify(credentials: Credentials): Principal {
    if (this.#rules === null) return ANYBODY;
    const found = this.#find(this.#rules, credentials);
    const name = typeof found === 'string' ? null : `${found.credential} ${found.name}`;
    const waitMs = this.#throttle.waitMs(credentials.address, name);
    if (waitMs > 0) throw this.#refusal('throttled', waitMs);
    if (typeof found === 'string') {
      // To show nothing is no guess: a browser or a check that has no token is told so, however often it asks.
      if (found !== 'missing') this.#throttle.failed(credentials.address);
      throw this.#refusal(found, 0);
    }
    this.#throttle.succeeded(credentials.address, name ?? '');
    return found;
  }

  /** Throws a `RequestError` (403) unless `principal` may call the route; `service` is the one that the path names. */
  permit(principal: Principal, method: string, route: string | undefined, service: string | null): void {
    const access = accessTo(method, route);
    if (access === 'open') return;
    if (access === null) throw new RequestError('forbidden', 'Nobody may call this.');
    const { role, on } = access;
    if (!hasRole(principal.role, role)) {
      throw new RequestError('forbidden', `This takes the role ${role}; "${principal.name}" has ${principal.role}.`);
    }
    if (on === 'proxy' && principal.scopes !== null) {
      const detail = `This concerns the whole proxy; "${principal.name}" is for single services.`;
      throw new RequestError('forbidden', detail);
    }
    if (on === 'service' && (service === null || !isInScope(principal, service))) {
      throw new RequestError('forbidden', `This service is not one that "${principal.name}" is for.`);
    }
  }

  /** Whether whoever was let in once would be let in now: for what goes on after its request was answered. */
  isCurrent(principal: Principal): boolean {
    if (this.#rules === null) return true;
    const isKnown = this.#rules.tokens.has(principal) || this.#rules.certificates.has(principal);
    return isKnown && !this.#isExpired(principal);
  }

  /** A client certificate was refused before there was a request. */
  certificateRefused(): void {
    this.#count('certificate');
  }

  /** Since start, for the metrics. */
  failures(): AuthFailureCount[] {
    return [...this.#failures].map(([reason, count]) => ({ reason, count }));
  }

  #find({ tokens, certificates }: AccessRules, credentials: Credentials): Principal | AuthFailure {
    const { authorizations, subjectAltNames } = credentials;
    const [authorization] = authorizations;
    if (authorization !== undefined) {
      // Two fields would be read by their first here and by their last elsewhere.
      const token = authorizations.length === 1 ? bearerTokenOf(authorization) : null;
      if (token === null) return 'malformed';
      const found = tokens.find(token);
      if (found === null) return 'unknown';
      return this.#isExpired(found) ? 'expired' : found;
    }
    if (subjectAltNames === null) return 'missing';
    return certificates.find(subjectAltNames) ?? 'unknown';
  }

  #isExpired({ expiresAtMs }: Principal): boolean {
    return this.#clock.wallMs() >= expiresAtMs;
  }

  #refusal(reason: AuthFailure, waitMs: number): RequestError {
    this.#count(reason);
    if (waitMs > 0) {
      const detail = 'Too many wrong tokens came from this address, or from all; wait for the time of Retry-After.';
      return new RequestError('too-many-failures', detail, [], { 'Retry-After': String(Math.ceil(waitMs / 1_000)) });
    }
    const detail = 'Say who you are: Authorization: Bearer TOKEN.';
    return new RequestError('unauthorized', detail, [], { 'WWW-Authenticate': 'Bearer' });
  }

  #count(reason: AuthFailure): void {
    this.#failures.set(reason, (this.#failures.get(reason) ?? 0) + 1);
  }
}
