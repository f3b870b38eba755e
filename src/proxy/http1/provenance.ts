/**
 * Where a request comes from that a trusted proxy has passed on. What X-Forwarded-*, Forwarded and X-Real-IP say counts
 * only as far as it was written by proxies that the operator trusts, by the address of the peer alone (CVE-2026-3635):
 * the client is the last address that no trusted proxy vouches for.
 *
 * Where a proxy says it in several ways, X-Forwarded-For goes before Forwarded, and Forwarded before X-Real-IP: most
 * proxies extend the first and let the others through as they came, from whomever.
 */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { CidrSet } from '../../base/cidr.ts';
import { forwardedElement, type Origin, portOf, type Provenance, type Scheme } from '../origin.ts';
import { type ForwardedElement, parseForwarded } from './forwarded.ts';
import { hostOf, type RequestHead } from './request-head.ts';

/** Addresses that are looked at, from the last one back: nobody has more proxies in a row. */
const HOPS_MAX = 32;

/** What may stand in X-Forwarded-For: addresses, "unknown", names that hide one. */
const HOP_LIST = /^[\w.:[\]\-, \t]*$/;

/** `authority`: what the request names as its host, or where it arrived. */
export function provenanceOf(head: RequestHead, origin: Origin, authority: string, trusted: CidrSet): Provenance {
  return origin.isTrusted ? behindProxy(head, origin, authority, trusted) : origin.direct(authority);
}

function behindProxy({ fields }: RequestHead, origin: Origin, authority: string, trusted: CidrSet): Provenance {
  const forwardedFor = fields.get('x-forwarded-for');
  const forwarded = fields.get('forwarded');
  const elements = forwarded === null ? null : parseForwarded(forwarded);
  const clientByElements = elements === null ? null : clientOfElements(origin.address, elements, trusted);
  const clientAddress =
    forwardedFor !== null
      ? clientBehind(origin.address, forwardedFor, trusted)
      : (clientByElements ?? bareAddress(fields.get('x-real-ip') ?? '') ?? origin.address);
  // The last element is the peer's own, if Forwarded is what it speaks; else it may be anybody's.
  const said = forwardedFor === null ? elements?.at(-1) : undefined;
  const scheme = schemeOf(fields.get('x-forwarded-proto') ?? said?.proto ?? '') ?? origin.scheme;
  const host = validHost(fields.get('x-forwarded-host')) ?? validHost(said?.host ?? null) ?? authority;
  const port = validPort(fields.get('x-forwarded-port')) ?? portOf(host, scheme);
  // Both lists tell of the same client: one that a proxy has let through unread is not passed on to who may read it.
  const isBehind = clientAddress !== origin.address;
  const hops = HOP_LIST.test(forwardedFor ?? '!') ? forwardedFor : isBehind ? clientAddress : null;
  const isSame = clientByElements === clientAddress;
  const earlier = isSame ? forwarded : isBehind ? forwardedElement(clientAddress, host, scheme) : null;
  const last = forwardedElement(origin.address, authority, origin.scheme);
  return {
    clientAddress,
    scheme,
    authority: host,
    fields:
      `X-Forwarded-For: ${listOf(hops, origin.address)}\r\nX-Forwarded-Proto: ${scheme}\r\nX-Forwarded-Host: ${host}\r\n` +
      `X-Forwarded-Port: ${port}\r\nX-Real-IP: ${clientAddress}\r\nForwarded: ${listOf(earlier, last)}\r\n`,
  };
}

function listOf(earlier: string | null, last: string): string {
  return earlier === null || earlier === '' ? last : `${earlier}, ${last}`;
}

/** `peer` is trusted; `forwardedFor` is its X-Forwarded-For, lines joined by commas. */
export function clientBehind(peer: string, forwardedFor: string, trusted: CidrSet): string {
  let client = peer;
  let end = forwardedFor.length;
  for (let hops = 0; hops < HOPS_MAX && end >= 0; hops++) {
    const comma = end === 0 ? -1 : forwardedFor.lastIndexOf(',', end - 1);
    const address = bareAddress(forwardedFor.substring(comma + 1, end).trim());
    if (address === null) {
      return client;
    }
    client = address;
    if (!trusted.has(address)) {
      return client;
    }
    end = comma;
  }
  return client;
}

function clientOfElements(peer: string, elements: readonly ForwardedElement[], trusted: CidrSet): string {
  let client = peer;
  for (let i = elements.length - 1; i >= 0 && i >= elements.length - HOPS_MAX; i--) {
    const address = bareAddress((elements[i] as ForwardedElement).for);
    if (address === null) {
      return client;
    }
    client = address;
    if (!trusted.has(address)) {
      return client;
    }
  }
  return client;
}

/** Without port and brackets, in the one form that it has; null for what is no address ("unknown", a hidden one, junk). */
export function bareAddress(text: string): string | null {
  const match =
    /^(?:\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?|([0-9A-Fa-f]*:[0-9A-Fa-f:.]+)|(\d{1,3}(?:\.\d{1,3}){3})(?::\d{1,5})?)$/.exec(
      text,
    );
  if (match === null) {
    return null;
  }
  const address = match[1] ?? match[2] ?? match[3] ?? '';
  const family = isIP(address);
  return family === 4 ? address : family === 6 ? shortest(address) : null;
}

/** One client must not be several by the way its address is written. */
function shortest(address: string): string {
  const { hostname } = new URL(`http://[${address}]`);
  const parsed = ipaddr.IPv6.parse(hostname.slice(1, -1));
  return (parsed.isIPv4MappedAddress() ? parsed.toIPv4Address() : parsed).toString();
}

function schemeOf(proto: string): Scheme | null {
  const lower = proto.toLowerCase();
  return lower === 'http' || lower === 'https' ? lower : null;
}

function validHost(host: string | null): string | null {
  return host !== null && hostOf(host) !== null ? host : null;
}

function validPort(port: string | null): string | null {
  return port !== null && /^[1-9]\d{0,4}$/.test(port) && Number(port) <= 65_535 ? port : null;
}
