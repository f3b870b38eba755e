/** The head of a request as it is sent to a target: always made anew, from the parsed one. */
import type { Provenance } from '../origin.ts';
import { FIELD } from './fields.ts';
import type { RequestHead } from './request-head.ts';
import { addedLines, type FieldPassage, passingFields, withoutLines } from './passing-fields.ts';

/** What goes to the target otherwise than it came. */
export interface RequestEdits {
  /** Path and query. */
  readonly target: string;
  /** Value of Host; "": as it came. */
  readonly authority: string;
  /** Lower-case names of fields that do not pass; `null`: none but those that never do. */
  readonly dropped: ReadonlySet<string> | null;
  /** Complete lines to add. */
  readonly added: string;
}

/** Both, where `later` was made from the request as it came, whose target was `target`: what it changed counts. */
export function mergedEdits(first: RequestEdits, later: RequestEdits | null, target: string): RequestEdits {
  if (later === null) {
    return first;
  }
  const kept = later.dropped === null ? first.added : withoutFields(first.added, later.dropped);
  return {
    target: later.target === target ? first.target : later.target,
    authority: later.authority || first.authority,
    dropped: new Set([...(first.dropped ?? []), ...(later.dropped ?? [])]),
    added: kept + later.added,
  };
}

function withoutFields(lines: string, names: ReadonlySet<string>): string {
  return lines
    .split('\r\n')
    .filter((line) => line !== '' && !names.has(line.slice(0, line.indexOf(':')).toLowerCase()))
    .map((line) => `${line}\r\n`)
    .join('');
}

/** Well-formed and short enough to be logged; anything else is replaced. */
const REQUEST_ID = /^[A-Za-z0-9._~+/=:@-]{1,128}$/;

/** What of a request is not in its head, or not as the target is asked for it. */
export interface RequestContext {
  /** Path and query. */
  readonly target: string;
  /** The host that the target is asked for, with its port where it has one. */
  readonly authority: string;
  readonly from: Provenance;
  readonly passage: FieldPassage;
  /** Complete lines to add; "" for none. */
  readonly extraFields: string;
  readonly requestId: string;
  /** The protocol to ask for; "" for none. */
  readonly upgrade: string;
  /** `null`: it goes on as it came. */
  readonly edits: RequestEdits | null;
  /** The target may ask for the body, or refuse it: false where the body comes with the head. */
  readonly mayExpect: boolean;
}

/** The id that the request came with, or a new one. */
export function requestIdOf(head: RequestHead, newId: () => string): string {
  const received = head.fields.valueOf(FIELD['x-request-id']);
  return received !== '' && REQUEST_ID.test(received) ? received : newId();
}

/** The head up to and with the empty line. */
export function writeRequestHead(head: RequestHead, context: RequestContext): string {
  const { target, authority, from, passage, extraFields, requestId, upgrade, edits } = context;
  let text = `${head.method} ${target} HTTP/1.1\r\nHost: ${authority}\r\n`;
  if (edits === null) {
    text += passingFields(head.fields, passage, head.connection, null);
  } else {
    text += passingFields(head.fields, passage, head.connection, null, edits.dropped);
    text += withoutLines(edits.added, passage.listed);
  }
  // RFC 9110 section 7.6.3: the version that the message was received in.
  text += addedLines(`${from.fields}Via: ${head.version} cutover\r\nX-Request-Id: ${requestId}\r\n`, passage);
  text += extraFields + framingFields(head, context.mayExpect);
  if (upgrade !== '') {
    text += `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`;
  } else if (head.takesTrailers) {
    text += 'Connection: TE\r\nTE: trailers\r\n';
  }
  return `${text}\r\n`;
}

function framingFields(head: RequestHead, mayExpect: boolean): string {
  let text = '';
  if (head.framing === 'chunked') {
    text = 'Transfer-Encoding: chunked\r\n';
  } else if (head.framing === 'length' || head.fields.find(FIELD['content-length']) >= 0) {
    text = `Content-Length: ${head.contentLength}\r\n`;
  }
  if (head.expectsContinue && mayExpect) {
    text += 'Expect: 100-continue\r\n';
  }
  return head.method === 'OPTIONS' ? text + maxForwardsField(head) : text;
}

/** RFC 9110 section 7.6.2; zero is answered before a request gets here. */
function maxForwardsField({ fields }: RequestHead): string {
  const hops = fields.valueOf(FIELD['max-forwards']);
  return /^\d{1,9}$/.test(hops) ? `Max-Forwards: ${Number(hops) - 1}\r\n` : '';
}
