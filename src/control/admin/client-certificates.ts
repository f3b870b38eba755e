import type { AdminClientConfig } from '../../schema/admin.ts';
import { parseSubjectAltName } from '../../schema/subject-alt-name.ts';
import { type Principal, isSamePrincipal } from './principal.ts';

/** Kinds of names as OpenSSL's text has them. */
const KINDS: Readonly<Record<string, string>> = { DNS: 'dns', URI: 'uri', email: 'email', 'IP Address': 'ip' };

/** Whoever shows a certificate is known by the names in it. */
export class ClientCertificates {
  readonly #clients: ReadonlyMap<string, Principal>;

  constructor(clients: readonly AdminClientConfig[]) {
    this.#clients = new Map(clients.map((client) => [normalName(client.san), principalOf(client)]));
  }

  /** Who has a certificate with these names ("DNS:ci.example.com, URI:spiffe://..."); `null`: nobody with a role, or two. */
  find(subjectAltNames: string): Principal | null {
    const found = new Set(namesOf(subjectAltNames).flatMap((name) => this.#clients.get(name) ?? []));
    // One certificate for two people would leave it to the order of its names who it was.
    return found.size === 1 ? ([...found][0] ?? null) : null;
  }

  /** Whether this was found here. */
  has(principal: Principal): boolean {
    return [...this.#clients.values()].some((known) => isSamePrincipal(known, principal));
  }
}

/**
 * The names in the text that Node makes of them, as the configuration writes them. A name with characters that would
 * read as another name is put in quotes there, as a JSON string (CVE-2021-44532): taken apart at commas alone, a name
 * "x, DNS:admin.example.com" would make its owner an admin.
 */
export function namesOf(subjectAltNames: string): string[] {
  const names: string[] = [];
  let rest = subjectAltNames;
  while (rest !== '') {
    const match = /^([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/.exec(rest);
    // What cannot be read in full is not read at all.
    if (match === null) return [];
    const [whole, kind = '', value = ''] = match;
    const name = value.startsWith('"') ? String(JSON.parse(value)) : value;
    if (Object.hasOwn(KINDS, kind)) names.push(normalName(`${KINDS[kind]}:${name}`));
    rest = rest.slice(whole.length);
  }
  return names;
}

function normalName(name: string): string {
  const parsed = parseSubjectAltName(name);
  return 'problem' in parsed ? name : `${parsed.kind}:${parsed.value}`;
}

function principalOf({ name, role, scopes }: AdminClientConfig): Principal {
  return {
    name,
    credential: 'certificate',
    role,
    scopes: scopes === undefined ? null : new Set(scopes),
    expiresAtMs: Number.POSITIVE_INFINITY,
  };
}
