/** What rules and affinity may ask of a request, whatever protocol it came by. Found out when it is asked for. */
export interface RequestFacts {
  readonly method: string;
  /** As it was sent, without the query. */
  readonly path: string;
  /** As it was sent, without "?"; "": none. */
  readonly query: string;
  /** As it was sent, with its "?", which may be all there is; "": none. */
  readonly search: string;
  /** Lower case, without port. */
  readonly host: string;
  /** What the client speaks, as trusted proxies tell it. */
  readonly scheme: 'http' | 'https';
  readonly isFromTrustedProxy: boolean;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** The client's address as trusted proxies tell it. */
  readonly clientAddress: string;
  /** Value of the field with this lower-case name; several lines joined by ", ". Null: not there. */
  field(name: string): string | null;
}

/** Value of a cookie in a Cookie field (RFC 6265 section 5.4); null: not there. The first one counts. */
export function cookieOf(cookieField: string | null, name: string): string | null {
  if (cookieField === null) {
    return null;
  }
  // Searched for by name: of a client's many cookies the others are not looked at.
  for (let at = cookieField.indexOf(name); at >= 0; at = cookieField.indexOf(name, at + 1)) {
    const equals = afterSpace(cookieField, at + name.length);
    if (cookieField.charCodeAt(equals) === EQUALS && beginsCookie(cookieField, at)) {
      return cookieField.substring(equals + 1, nextSeparator(cookieField, equals)).trim();
    }
  }
  return null;
}

const TAB = 0x09;
const SPACE = 0x20;
const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;

function isSpace(code: number): boolean {
  return code === SPACE || code === TAB;
}

// Lines of Cookie are joined by "," here and by ";" by clients; neither may stand in a cookie's value.
function isSeparator(code: number): boolean {
  return code === SEMICOLON || code === COMMA;
}

function afterSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) {
    at++;
  }
  return at;
}

/** Nothing but space is between `at` and the cookie before it. */
function beginsCookie(text: string, at: number): boolean {
  let before = at - 1;
  while (before >= 0 && isSpace(text.charCodeAt(before))) {
    before--;
  }
  return before < 0 || isSeparator(text.charCodeAt(before));
}

function nextSeparator(text: string, from: number): number {
  let at = from;
  while (at < text.length && !isSeparator(text.charCodeAt(at))) {
    at++;
  }
  return at;
}

/** Value of a parameter of a query, decoded as forms are; null: not there. The first one counts. */
export function queryValueOf(query: string, name: string): string | null {
  for (let from = 0; from < query.length;) {
    const ampersand = query.indexOf('&', from);
    const to = ampersand < 0 ? query.length : ampersand;
    const equals = query.indexOf('=', from);
    const nameEnd = equals < 0 || equals > to ? to : equals;
    if (decoded(query.substring(from, nameEnd)) === name) {
      return nameEnd === to ? '' : decoded(query.substring(nameEnd + 1, to));
    }
    from = to + 1;
  }
  return null;
}

/** What is no valid encoding stands for itself, as in the URL standard. */
function decoded(text: string): string {
  if (!text.includes('%') && !text.includes('+')) {
    return text;
  }
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}
