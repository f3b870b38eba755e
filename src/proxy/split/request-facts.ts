/** What rules and affinity may ask of a request, whatever protocol it came by. */
export interface RequestFacts {
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
  const end = cookieField.length;
  for (let from = 0; from < end;) {
    // Lines of Cookie are joined by "," here and by ";" by clients; neither may stand in a cookie's value.
    const to = nextSeparator(cookieField, from);
    const start = afterSpace(cookieField, from, to);
    // Looked at in place: of a client's many cookies only the one that is asked for is taken out.
    if (cookieField.startsWith(name, start)) {
      const equals = afterSpace(cookieField, start + name.length, to);
      if (equals < to && cookieField.charCodeAt(equals) === EQUALS) {
        return cookieField.substring(equals + 1, to).trim();
      }
    }
    from = to + 1;
  }
  return null;
}

const TAB = 0x09;
const SPACE = 0x20;
const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;

function afterSpace(text: string, from: number, to: number): number {
  let at = from;
  while (at < to && (text.charCodeAt(at) === SPACE || text.charCodeAt(at) === TAB)) {
    at++;
  }
  return at;
}

function nextSeparator(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === SEMICOLON || code === COMMA) {
      return at;
    }
  }
  return text.length;
}
