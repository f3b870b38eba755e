import { isLoopback } from '../../base/endpoint.ts';
import { ADMIN_LISTEN_DEFAULT, type AdminDocument, INSECURE_PHRASE } from '../../schema/admin.ts';
import { parseListenAddress } from '../../schema/listen-address.ts';
import { type Problem, pointerOf } from '../../schema/problem.ts';

/** Everything that a schema cannot see of the section `admin`. Paths count from it. */
export function checkAdmin(admin: AdminDocument): Problem[] {
  return [...checkReach(admin), ...checkClientAuthority(admin), ...checkNames(admin)];
}

/** What of the section makes callers say who they are. */
interface Asking {
  readonly tokens?: unknown;
  readonly tokensFile?: unknown;
  readonly clients?: unknown;
}

/** Whether callers have to say who they are. */
export function asksWhoCalls({ tokens, tokensFile, clients }: Asking): boolean {
  return tokens !== undefined || tokensFile !== undefined || clients !== undefined;
}

/** Whether other machines can reach this address. */
export function isOpenToNetwork(listen: string): boolean {
  if (listen.startsWith('unix:')) return false;
  const address = parseListenAddress(listen);
  return !('problem' in address) && !isLoopback(address.host);
}

/** Whoever reaches the admin API moves the traffic, and whoever listens on the way there has what is sent. */
function checkReach(admin: AdminDocument): Problem[] {
  if (!isOpenToNetwork(admin.listen ?? ADMIN_LISTEN_DEFAULT) || admin.insecure === INSECURE_PHRASE) return [];
  const missing = [
    ...(admin.tls === undefined ? ['admin.tls'] : []),
    ...(asksWhoCalls(admin) ? [] : ['admin.tokens (or admin.clients)']),
  ];
  if (missing.length === 0) return [];
  const message =
    `can be reached from other machines: that needs ${missing.join(' and ')}. ` +
    'Without them, use a loopback address (127.0.0.1, [::1]) or a socket (unix:/path)';
  return [{ path: '/listen', message }];
}

function checkClientAuthority(admin: AdminDocument): Problem[] {
  const { clients, tls } = admin;
  if (clients !== undefined && tls?.clientCa === undefined) {
    return [{ path: '/clients', message: 'need tls.clientCa: without it, nobody is asked for a certificate' }];
  }
  if (tls?.clientCa !== undefined && !asksWhoCalls(admin)) {
    const message = 'lets in whoever it has signed, but nobody has a role: give clients, or tokens';
    return [{ path: '/tls/clientCa', message }];
  }
  return [];
}

/** Names are what the audit knows people by; one token or certificate must not be two people's. */
function checkNames({ tokens = [], clients = [] }: AdminDocument): Problem[] {
  const entries = [
    ...tokens.map(({ name, sha256 }, i) => ({ at: pointerOf('tokens', i), name, key: sha256, field: 'sha256' })),
    ...clients.map(({ name, san }, i) => ({ at: pointerOf('clients', i), name, key: san, field: 'san' })),
  ];
  const firstByName = new Map<string, string>();
  const firstByKey = new Map<string, string>();
  return entries.flatMap(({ at, name, key, field }) => {
    const [sameName, sameKey] = [firstByName.get(name), firstByKey.get(key)];
    firstByName.set(name, sameName ?? at);
    firstByKey.set(key, sameKey ?? at);
    return [
      ...(sameName === undefined ? [] : [{ path: `${at}/name`, message: `is the name of ${sameName} already` }]),
      ...(sameKey === undefined ? [] : [{ path: `${at}/${field}`, message: `is that of ${sameKey} already` }]),
    ];
  });
}
