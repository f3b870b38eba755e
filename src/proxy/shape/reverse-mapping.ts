/**
 * Answers name places as the target knows them: its own address, and paths without the prefix that was stripped. A client
 * could not go there. Such places are rewritten to what the client would have to ask for; everything else, and whatever is
 * not exactly of the form that is looked for, is left as it is.
 */
import type { ReverseSpec } from '../../snapshot/shape-spec.ts';
import type { TargetSpec } from '../../snapshot/types.ts';
import { FIELD } from '../http1/fields.ts';
import type { FieldMapping } from '../http1/passing-fields.ts';
import type { Provenance } from '../origin.ts';
import { CookieMapping } from './cookie-mapping.ts';
import { PathMapping } from './path-mapping.ts';

/** Scheme, authority, and what is behind it. One with a userinfo, or a backslash, names no target of ours. */
const ABSOLUTE = /^(?:(https?):)?\/\/([^/?#\\@]+)([/?#].*)?$/is;

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

export class ReverseMapping implements FieldMapping {
  readonly #paths: PathMapping;
  readonly #spec: ReverseSpec;
  /** "host:port" of every target, by each of its names, lower case. */
  readonly #authorities: ReadonlySet<string>;
  readonly #cookies: CookieMapping;

  constructor(spec: ReverseSpec, targets: readonly Pick<TargetSpec, 'host' | 'port'>[], paths: PathMapping) {
    this.#paths = paths;
    this.#spec = spec;
    this.#authorities = new Set([...targets.flatMap(namesOf), ...spec.names.flatMap(withPorts)]);
    const hosts = Array.from(this.#authorities, (authority) => authority.slice(0, authority.lastIndexOf(':')));
    this.#cookies = new CookieMapping(new Set(hosts), paths);
  }

  /** The value that the field is passed on with. `from`: where the request came from. */
  map(fieldId: number, value: string, from: Provenance): string {
    if (fieldId === FIELD['set-cookie']) {
      return this.#spec.cookies ? this.#cookies.map(value, from.authority) : value;
    }
    if (!this.#spec.locations) {
      return value;
    }
    return fieldId === FIELD.refresh ? this.#mapRefresh(value, from) : this.#mapLocation(value, from);
  }

  #mapLocation(value: string, from: Provenance): string {
    if (value.startsWith('/') && value.charCodeAt(1) !== 0x2f && value.charCodeAt(1) !== 0x5c) {
      return this.#paths.back(value);
    }
    const match = ABSOLUTE.exec(value);
    if (match === null) {
      return value;
    }
    const [, scheme, authority = '', rest = ''] = match;
    if (!this.#authorities.has(withPort(authority.toLowerCase(), scheme?.toLowerCase() ?? 'http'))) {
      return value;
    }
    return `${scheme === undefined ? '' : `${from.scheme}:`}//${from.authority}${this.#paths.back(rest)}`;
  }

  /** "5; url=http://...": in no standard, but in HTML's "shared declarative refresh steps". */
  #mapRefresh(value: string, from: Provenance): string {
    const begin = /^[\d. \t]*[;,][ \t]*(?:url[ \t]*=[ \t]*)?/i.exec(value)?.[0];
    if (begin === undefined) {
      return value;
    }
    const place = value.slice(begin.length);
    const quote = place[0];
    if (quote !== '"' && quote !== "'") {
      return begin + this.#mapLocation(place, from);
    }
    const end = place.indexOf(quote, 1);
    const to = end < 0 ? place.length : end;
    return begin + quote + this.#mapLocation(place.slice(1, to), from) + place.slice(to);
  }
}

/** Whoever listens on this machine alone is called by any of its names. */
function namesOf({ host, port }: Pick<TargetSpec, 'host' | 'port'>): string[] {
  const name = host.includes(':') ? `[${host}]` : host.toLowerCase();
  const names = LOOPBACK_NAMES.includes(name) ? LOOPBACK_NAMES : [name];
  return names.map((one) => `${one}:${port}`);
}

function withPorts(name: string): string[] {
  return [...new Set([withPort(name, 'http'), withPort(name, 'https')])];
}

function withPort(authority: string, scheme: string): string {
  const hasPort = authority.lastIndexOf(':') > authority.lastIndexOf(']');
  return hasPort ? authority : `${authority}:${scheme === 'https' ? 443 : 80}`;
}
