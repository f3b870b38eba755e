/** The head of a request as it is sent to a target: always made anew, from the parsed one. */
import type { Origin } from '../origin.ts';
import { FIELD } from './fields.ts';
import type { RequestHead } from './request-head.ts';
import { passingFields, REQUEST_FILTER, TRUSTED_REQUEST_FILTER } from './passing-fields.ts';

export interface RequestText {
  readonly head: string;
  readonly requestId: string;
}

/** Well-formed and short enough to be logged; anything else is replaced. */
const REQUEST_ID = /^[A-Za-z0-9._~+/=:@-]{1,128}$/;

/** The head up to and with the empty line. `upgrade` is the protocol to ask for; "" for none. */
export function writeRequestHead(head: RequestHead, origin: Origin, upgrade: string, newId: () => string): RequestText {
  const authority = head.authority === '' ? origin.localAuthority : head.authority;
  const receivedId = head.fields.valueOf(FIELD['x-request-id']);
  const requestId = receivedId !== '' && REQUEST_ID.test(receivedId) ? receivedId : newId();
  const filter = origin.isTrusted ? TRUSTED_REQUEST_FILTER : REQUEST_FILTER;
  let text = `${head.method} ${head.target} HTTP/1.1\r\nHost: ${authority}\r\n`;
  text += passingFields(head.fields, filter, head.connection);
  text += origin.isTrusted ? trustedFields(head, origin, authority) : strangerFields(origin, authority);
  // RFC 9110 section 7.6.3: the version that the message was received in.
  text += `Via: 1.${head.minor} cutover\r\nX-Request-Id: ${requestId}\r\n`;
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

function strangerFields(origin: Origin, authority: string): string {
  return `${origin.fields}X-Forwarded-Host: ${authority}\r\n${forwardedField('', origin, authority)}`;
}

/** Continues what a trusted proxy has said. */
function trustedFields({ fields }: RequestHead, origin: Origin, authority: string): string {
  const hops = fields.get('x-forwarded-for');
  const proto = fields.get('x-forwarded-proto');
  const host = fields.get('x-forwarded-host');
  return (
    `X-Forwarded-For: ${hops === null ? '' : `${hops}, `}${origin.address}\r\n` +
    `X-Forwarded-Proto: ${proto === 'https' || proto === 'http' ? proto : origin.scheme}\r\n` +
    `X-Forwarded-Host: ${host ?? authority}\r\n` +
    forwardedField(fields.get('forwarded') ?? '', origin, authority)
  );
}

/** RFC 7239: an IPv6 address stands in brackets and quotes, and so does a host with a port. */
function forwardedField(earlier: string, { address, scheme }: Origin, authority: string): string {
  const node = address.includes(':') ? `"[${address}]"` : address;
  const host = authority.includes(':') ? `"${authority}"` : authority;
  return `Forwarded: ${earlier === '' ? '' : `${earlier}, `}for=${node};host=${host};proto=${scheme}\r\n`;
}
