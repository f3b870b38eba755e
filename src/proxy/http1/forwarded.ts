/** The Forwarded field (RFC 7239), read strictly: it is either understood as a whole or not at all. */

/** Elements that are read; nobody has more proxies in a row, and what is longer is meant to be. */
const ELEMENTS_MAX = 256;

/** What one proxy said of who came to it; "" where it did not say. */
export interface ForwardedElement {
  /** A node: an address, with or without a port, "unknown", or a name that hides one. */
  readonly for: string;
  readonly host: string;
  readonly proto: string;
}

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
/** The inside is printable, or a tab, or obs-text; a backslash takes what is behind it as it is. */
const QUOTED = /"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"/y;

/** The elements from the first proxy to the last, or null where the value breaks the grammar. */
export function parseForwarded(value: string): readonly ForwardedElement[] | null {
  const elements: ForwardedElement[] = [];
  let at = 0;
  for (;;) {
    const pairs = new Map<string, string>();
    at = readElement(value, at, pairs);
    if (at < 0 || elements.length >= ELEMENTS_MAX) {
      return null;
    }
    // RFC 9110 section 5.6.1: empty elements of a list count for nothing.
    if (pairs.size > 0) {
      const [node = '', host = '', proto = ''] = [pairs.get('for'), pairs.get('host'), pairs.get('proto')];
      elements.push({ for: node, host, proto });
    }
    if (at === value.length) {
      return elements;
    }
    at++;
  }
}

/** Reads pairs up to a comma or the end; returns where that is, or -1 for what is no element. */
function readElement(value: string, from: number, pairs: Map<string, string>): number {
  let at = skipBlank(value, from);
  while (at < value.length && value[at] !== ',') {
    if (value[at] === ';') {
      at = skipBlank(value, at + 1);
      continue;
    }
    const name = match(TOKEN, value, at);
    at += name.length;
    if (name === '' || value[at] !== '=') {
      return -1;
    }
    const text = match(TOKEN, value, at + 1) || match(QUOTED, value, at + 1);
    const key = name.toLowerCase();
    // RFC 7239 section 4: each parameter at most once.
    if (text === '' || pairs.has(key)) {
      return -1;
    }
    pairs.set(key, text.startsWith('"') ? text.slice(1, -1).replaceAll(/\\(.)/g, '$1') : text);
    at = skipBlank(value, at + 1 + text.length);
    if (at < value.length && value[at] !== ';' && value[at] !== ',') {
      return -1;
    }
  }
  return at;
}

function match(pattern: RegExp, value: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(value)?.[0] ?? '';
}

function skipBlank(value: string, from: number): number {
  let at = from;
  while (value[at] === ' ' || value[at] === '\t') {
    at++;
  }
  return at;
}
