/**
 * Which service a request is for, by host and path. The most specific host wins (exact, then the longest wildcard, then
 * any host), and under it the longest path prefix; where a host has no prefix for the path, the next host is asked.
 *
 * Look-ups are in maps, so that they cost the same with ten services and with ten thousand, and walk the path by whole
 * segments, at most as deep as the deepest prefix that was configured.
 */

export interface Route<S> {
  /** Exact or "*." wildcard, lower case; empty: any host. */
  readonly hosts: readonly string[];
  readonly pathPrefix: string;
  readonly service: S;
}

export class RouteTable<S> {
  readonly #exact = new Map<string, PrefixTable<S>>();
  /** By suffix with its leading dot. */
  readonly #wildcard = new Map<string, PrefixTable<S>>();
  #longestWildcard = 0;
  readonly #anyHost = new PrefixTable<S>();

  constructor(routes: Iterable<Route<S>>) {
    for (const route of routes) {
      if (route.hosts.length === 0) {
        this.#anyHost.add(route.pathPrefix, route.service);
      }
      for (const host of route.hosts) {
        this.#tableOf(host).add(route.pathPrefix, route.service);
      }
    }
  }

  /** Whether the host makes a difference. */
  get hasHosts(): boolean {
    return this.#exact.size + this.#wildcard.size > 0;
  }

  #tableOf(host: string): PrefixTable<S> {
    const isWildcard = host.startsWith('*.');
    const tables = isWildcard ? this.#wildcard : this.#exact;
    const key = isWildcard ? host.slice(1) : host;
    let table = tables.get(key);
    if (table === undefined) {
      table = new PrefixTable();
      tables.set(key, table);
    }
    if (isWildcard) {
      this.#longestWildcard = Math.max(this.#longestWildcard, key.length);
    }
    return table;
  }

  /** `host` in lower case without port; `path` without query. Null: no service. */
  find(host: string, path: string): S | null {
    const exact = this.#exact.get(host)?.find(path);
    if (exact !== undefined && exact !== null) {
      return exact;
    }
    return (this.#wildcard.size > 0 ? this.#findWildcard(host, path) : null) ?? this.#anyHost.find(path);
  }

  #findWildcard(host: string, path: string): S | null {
    // From the longest suffix that there is to the shortest; "*.example.com" does not match "example.com" itself.
    for (let dot = host.indexOf('.', host.length - this.#longestWildcard); dot >= 0; dot = host.indexOf('.', dot + 1)) {
      const found = this.#wildcard.get(host.substring(dot))?.find(path);
      if (found !== undefined && found !== null) {
        return found;
      }
    }
    return null;
  }
}

class PrefixTable<S> {
  readonly #byPrefix = new Map<string, S>();
  #root: S | null = null;
  #longest = 0;

  add(pathPrefix: string, service: S): void {
    const prefix = pathPrefix.endsWith('/') ? pathPrefix.slice(0, -1) : pathPrefix;
    if (prefix === '') {
      this.#root = service;
    } else {
      this.#byPrefix.set(prefix, service);
      this.#longest = Math.max(this.#longest, prefix.length);
    }
  }

  find(path: string): S | null {
    if (this.#longest === 0) {
      return this.#root;
    }
    // The longest candidate is the path itself, or its longest part that ends at a segment border within reach.
    let end = path.length <= this.#longest ? path.length : path.lastIndexOf('/', this.#longest);
    while (end > 0) {
      const service = this.#byPrefix.get(path.substring(0, end));
      if (service !== undefined) {
        return service;
      }
      end = path.lastIndexOf('/', end - 1);
    }
    return this.#root;
  }
}
