/** A service's paths as its clients and as its targets know them. Prefixes count to the end of a segment only. */
export class PathMapping {
  readonly strip: string;
  readonly #add: string;
  readonly #isIdentity: boolean;

  /** Neither prefix ends with "/"; "" is none. */
  constructor(strip: string, add: string) {
    this.strip = strip;
    this.#add = add;
    this.#isIdentity = strip === '' && add === '';
  }

  /** From what a client asks for, path and query, to what its target is asked for. */
  toTarget(target: string): string {
    if (this.#isIdentity || target === '*' || !isUnder(this.strip, target)) {
      return target;
    }
    const rest = target.substring(this.strip.length);
    return this.#add + (rest.startsWith('/') ? rest : `/${rest}`);
  }

  /** From a place at the target, a path with what is behind it or nothing, to what a client would ask for. */
  back(place: string): string {
    return this.#isIdentity ? place : this.#back(place.startsWith('/') ? place : `/${place}`);
  }

  /** The path of a cookie, which has nothing behind it. */
  backOfCookie(path: string): string {
    const mapped = path.startsWith('/') ? this.back(path) : path;
    // "/api" as a cookie's path holds for "/api" and all below, "/api/" not for the former (RFC 6265 section 5.1.4).
    return path === '/' && mapped.length > 1 && mapped.endsWith('/') ? mapped.slice(0, -1) : mapped;
  }

  #back(place: string): string {
    const isUnderAdded = isUnder(this.#add, place);
    // An application that reads X-Forwarded-Prefix says itself what clients ask for.
    const isClients = this.strip !== '' && isUnder(this.strip, place) && (this.#add === '' || !isUnderAdded);
    if (isClients || !isUnderAdded) {
      return place;
    }
    const mapped = this.strip + place.substring(this.#add.length);
    return mapped.startsWith('/') ? mapped : `/${mapped}`;
  }
}

/** Whether the path is the prefix or goes on behind it with a new segment, a query or a fragment. */
function isUnder(prefix: string, path: string): boolean {
  if (!path.startsWith(prefix)) {
    return false;
  }
  const next = path[prefix.length];
  return next === undefined || next === '/' || next === '?' || next === '#';
}
