import type { Role } from '../../schema/roles.ts';

/**
 * Who may call what: every route, and nothing that is not in here is allowed to anybody. A test holds the table against
 * the routes that there are, and plays every role and scope on each.
 *
 * `on` says what a route touches, and so what the scopes of a caller have to hold:
 *
 *   nothing    nothing that belongs to anybody
 *   service    the service that the path names
 *   parts      what the changes that it holds touch: each is allowed or refused as the call that makes it alone
 *   own        all services, of which callers with scopes see their own
 *   proxy      the proxy as a whole: only for callers without scopes
 */
export interface Permission {
  readonly role: Role;
  readonly on: 'nothing' | 'service' | 'parts' | 'own' | 'proxy';
}

/** `open`: for everybody, and therefore without any content of its own. */
export type Access = Permission | 'open';

const read = (on: Permission['on']): Permission => ({ role: 'read', on });
const deploy = { role: 'deploy', on: 'service' } as const;
const configure = { role: 'configure', on: 'service' } as const;

type Methods = Readonly<Partial<Record<'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', Access>>>;

export const ACCESS_TABLE: Readonly<Record<string, Methods>> = {
  '/v1/services': { GET: read('own') },
  '/v1/services/:service': { GET: read('service'), PUT: configure, PATCH: configure, DELETE: configure },
  '/v1/services/:service/pools/:pool': { GET: read('service'), PUT: configure, DELETE: configure },
  '/v1/services/:service/pools/:pool/targets/:target': { GET: read('service'), PATCH: deploy },
  '/v1/services/:service/split': { GET: read('service'), PUT: deploy },
  '/v1/services/:service/cutovers': { GET: read('service'), POST: deploy },
  '/v1/services/:service/cutovers/:id': { GET: read('service') },
  '/v1/services/:service/rollback': { POST: deploy },
  '/v1/services/:service/mirror': { GET: read('service'), PUT: deploy, DELETE: deploy },
  '/v1/services/:service/pause': { GET: read('service'), PUT: deploy, DELETE: deploy },
  '/v1/changesets': { POST: { role: 'deploy', on: 'parts' } },
  '/v1/explain': { POST: read('own') },
  '/v1/config': { GET: read('proxy'), POST: { role: 'configure', on: 'proxy' } },
  '/v1/status': { GET: read('own') },
  '/v1/events': { GET: read('own') },
  '/v1/generations': { GET: read('proxy') },
  '/v1/generations/:n': { GET: read('proxy') },
  '/v1/workers': { GET: read('proxy') },
  '/v1/workers/restart': { POST: { role: 'admin', on: 'proxy' } },
  '/v1/audit': { GET: { role: 'admin', on: 'proxy' } },
  '/metrics': { GET: read('proxy') },
  '/openapi.json': { GET: read('nothing') },
  '/healthz': { GET: 'open' },
  '/readyz': { GET: 'open' },
};

/** `null`: there is no such route, or nobody has thought about who may call it. */
export function accessTo(method: string, route: string | undefined): Access | null {
  // HEAD is GET without the body (RFC 9110 section 9.3.2).
  const asked = method === 'HEAD' ? 'GET' : method;
  const methods = route !== undefined && Object.hasOwn(ACCESS_TABLE, route) ? ACCESS_TABLE[route] : undefined;
  if (methods === undefined || !Object.hasOwn(methods, asked)) return null;
  return methods[asked as keyof Methods] ?? null;
}
