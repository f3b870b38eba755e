/** The head of a request as it is sent to a target: always made anew, from the parsed one. */
import type { Provenance } from '../origin.ts';
import { FIELD } from './fields.ts';
import type { RequestHead } from './request-head.ts';
import { passingFields, REQUEST_FILTER, TRUSTED_REQUEST_FILTER } from './passing-fields.ts';

export interface RequestText {
  readonly head: string;
  readonly requestId: string;
}

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

/** Well-formed and short enough to be logged; anything else is replaced. */
const REQUEST_ID = /^[A-Za-z0-9._~+/=:@-]{1,128}$/;

/** What of a request is not in its head. */
export interface RequestContext {
  /** The host that the target is asked for, with its port where it has one. */
  readonly authority: string;
  readonly from: Provenance;
  /** The peer may say where the request comes from; what of that is made anew is in `from`. */
  readonly isTrusted: boolean;
  /** The protocol to ask for; "" for none. */
  readonly upgrade: string;
  readonly newId: () => string;
  /** `null`: it goes on as it came. */
  readonly edits: RequestEdits | null;
}

/** The head up to and with the empty line. */
export function writeRequestHead(head: RequestHead, context: RequestContext): RequestText {
  const { authority, from, isTrusted, upgrade, newId, edits } = context;
  const receivedId = head.fields.valueOf(FIELD['x-request-id']);
  const requestId = receivedId !== '' && REQUEST_ID.test(receivedId) ? receivedId : newId();
  const filter = isTrusted ? TRUSTED_REQUEST_FILTER : REQUEST_FILTER;
  let text: string;
  if (edits === null) {
    text = `${head.method} ${head.target} HTTP/1.1\r\nHost: ${authority}\r\n`;
    text += passingFields(head.fields, filter, head.connection);
  } else {
    text = `${head.method} ${edits.target} HTTP/1.1\r\nHost: ${edits.authority || authority}\r\n`;
    text += passingFields(head.fields, filter, head.connection, edits.dropped) + edits.added;
  }
  // RFC 9110 section 7.6.3: the version that the message was received in.
  text += `${from.fields}Via: 1.${head.minor} cutover\r\nX-Request-Id: ${requestId}\r\n`;
  text += framingFields(head);
  if (upgrade !== '') {
    text += `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`;
  } else if (head.takesTrailers) {
    text += 'Connection: TE\r\nTE: trailers\r\n';
  }
  return { head: `${text}\r\n`, requestId };
}

function framingFields(head: RequestHead): string {
  let text = '';
  if (head.framing === 'chunked') {
    text = 'Transfer-Encoding: chunked\r\n';
  } else if (head.framing === 'length' || head.fields.find(FIELD['content-length']) >= 0) {
    text = `Content-Length: ${head.contentLength}\r\n`;
  }
  if (head.expectsContinue) {
    text += 'Expect: 100-continue\r\n';
  }
  const maxForwards = head.method === 'OPTIONS' ? head.fields.valueOf(FIELD['max-forwards']) : '';
  // RFC 9110 section 7.6.2; zero is answered before a request gets here.
  return /^\d{1,9}$/.test(maxForwards) ? `${text}Max-Forwards: ${Number(maxForwards) - 1}\r\n` : text;
}
