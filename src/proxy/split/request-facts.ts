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
  for (let from = 0; from < cookieField.length;) {
    // Lines of Cookie are joined by "," here and by ";" by clients; neither may stand in a cookie's value.
    const to = nextSeparator(cookieField, from);
    const pair = cookieField.substring(from, to);
    const equals = pair.indexOf('=');
    if (equals >= 0 && pair.substring(0, equals).trim() === name) {
      return pair.substring(equals + 1).trim();
    }
    from = to + 1;
  }
  return null;
}

function nextSeparator(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x3b || code === 0x2c) {
      return at;
    }
  }
  return text.length;
}
