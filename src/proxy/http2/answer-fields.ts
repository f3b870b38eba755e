/** What was written as the head of an HTTP/1.1 answer, as the fields of HTTP/2: RFC 9113 sections 8.2 and 8.3.2. */

/** What HTTP/2 says in other ways, or not at all (RFC 9113 section 8.2.2). What targets send of these was dropped before. */
const OF_CONNECTIONS: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade']);

/** Length of "HTTP/1.1 ", and of that with a status. */
const STATUS_FROM = 9;
const STATUS_TO = 12;

/** Names, lower case, and values, one after the other, the status first. `head`: status line and lines, with the empty line. */
export function answerFields(head: string): string[] {
  const status = head.substring(STATUS_FROM, STATUS_TO);
  const fields = [':status', status];
  addFields(fields, head, head.indexOf('\r\n') + 2);
  // A 205 has no body (RFC 9110 section 15.3.6), which node:http2 sees to, whatever its target has sent.
  return status === '205' ? withoutLength(fields) : fields;
}

/** The same of complete lines alone. */
export function fieldsOfLines(lines: string): string[] {
  const fields: string[] = [];
  addFields(fields, lines, 0);
  return fields;
}

function addFields(fields: string[], text: string, from: number): void {
  let at = from;
  for (let end = text.indexOf('\r\n', at); end > at; end = text.indexOf('\r\n', at)) {
    const colon = text.indexOf(':', at);
    const name = text.substring(at, colon).toLowerCase();
    if (!OF_CONNECTIONS.has(name)) {
      fields.push(name, text.substring(text.charCodeAt(colon + 1) === SP ? colon + 2 : colon + 1, end));
    }
    at = end + 2;
  }
}

function withoutLength(fields: readonly string[]): string[] {
  return fields.filter((_, index) => fields[index & ~1] !== 'content-length');
}

const SP = 0x20;

/** As an object, as some calls of node:http2 want it: fields of one name are a list. */
export function fieldObject(fields: readonly string[]): Record<string, string | string[]> {
  const object: Record<string, string | string[]> = Object.create(null);
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    const before = object[name];
    object[name] = before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value];
  }
  return object;
}
