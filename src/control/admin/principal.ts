import type { Role } from '../../schema/roles.ts';

/** Who calls, as far as it is known, and what that is good for. */
export interface Principal {
  readonly name: string;
  /** By what it is known. `none`: nobody is asked. */
  readonly credential: 'token' | 'certificate' | 'none';
  readonly role: Role;
  /** Names of services; `null`: all, and the proxy as a whole. */
  readonly scopes: ReadonlySet<string> | null;
  /** From when on it is nobody any more, in milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** Whoever reaches an API that asks nobody who they are. */
export const ANYBODY: Principal = {
  name: 'anonymous',
  credential: 'none',
  role: 'admin',
  scopes: null,
  expiresAtMs: Number.POSITIVE_INFINITY,
};

/** Whether the service is one of those that `principal` may see and, within its role, change. */
export function isInScope({ scopes }: Principal, service: string): boolean {
  return scopes === null || scopes.has(service);
}

/** Whether both may do the same under the same name, read from the same or from another version of the rules. */
export function isSamePrincipal(a: Principal, b: Principal): boolean {
  if (a.name !== b.name || a.credential !== b.credential || a.role !== b.role) return false;
  if (a.scopes === null || b.scopes === null) return a.scopes === b.scopes;
  return a.scopes.size === b.scopes.size && [...a.scopes].every((scope) => b.scopes?.has(scope));
}
