/**
 * The header by which proxies that pass bytes tell who the client is (HAProxy's PROXY protocol, versions 1 and 2): it comes
 * before everything else. Strict: what is not exactly such a header is none.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { parseAddress } from '../../base/ip-address.ts';
import type { ProxyHeaderVersion } from '../../snapshot/types.ts';

/** Between whom a connection was made first. */
export interface Addresses {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
}

export interface ReadHeader {
  /** Where what follows begins. */
  readonly end: number;
  /** Null: the header says that it speaks for nobody, as checks do. */
  readonly addresses: Addresses | null;
}

/** The specification's own bound, line end included. */
const V1_BYTES_MAX = 107;
const V1_START = Buffer.from('PROXY ', 'latin1');
const CR = 0x0d;
const LF = 0x0a;

const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V2_HEADER_BYTES = 16;
/** Addresses, and what else a proxy has to tell (names, certificates), which is passed over. */
const V2_BODY_BYTES_MAX = 2_048;
const V2_LOCAL = 0x20;
const V2_PROXY = 0x21;
const V2_TCP4 = 0x11;
const V2_TCP6 = 0x21;

export function readProxyHeader(bytes: Buffer): ReadHeader | 'more' | 'bad' {
  if (begins(bytes, V2_SIGNATURE)) {
    return readV2(bytes);
  }
  return begins(bytes, V1_START) ? readV1(bytes) : 'bad';
}

/** As far as there are bytes. */
function begins(bytes: Buffer, start: Buffer): boolean {
  const count = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, count, 0, count) === 0;
}

function readV1(bytes: Buffer): ReadHeader | 'more' | 'bad' {
  const lineEnd = bytes.subarray(0, V1_BYTES_MAX).indexOf(LF);
  if (lineEnd < 0) {
    return bytes.length >= V1_BYTES_MAX ? 'bad' : 'more';
  }
  if (bytes[lineEnd - 1] !== CR) {
    return 'bad';
  }
  const line = bytes.toString('latin1', V1_START.length, lineEnd - 1);
  if (line === 'UNKNOWN' || line.startsWith('UNKNOWN ')) {
    return { end: lineEnd + 1, addresses: null };
  }
  const [family, source = '', destination = '', sourcePort = '', destinationPort = '', ...more] = line.split(' ');
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : null;
  if (isAddress === null || !isAddress(source) || !isAddress(destination) || more.length > 0) {
    return 'bad';
  }
  const ports = [sourcePort, destinationPort].map(portOf);
  const [from, to] = ports;
  if (from === undefined || to === undefined || from < 0 || to < 0) {
    return 'bad';
  }
  return { end: lineEnd + 1, addresses: { source, sourcePort: from, destination, destinationPort: to } };
}

/** -1: it is none. */
function portOf(text: string): number {
  const port = /^(0|[1-9]\d{0,4})$/.test(text) ? Number(text) : -1;
  return port <= 65_535 ? port : -1;
}

function readV2(bytes: Buffer): ReadHeader | 'more' | 'bad' {
  if (bytes.length < V2_HEADER_BYTES) {
    return 'more';
  }
  const command = bytes[12];
  const family = bytes[13];
  const bodyBytes = bytes.readUInt16BE(14);
  if ((command !== V2_LOCAL && command !== V2_PROXY) || bodyBytes > V2_BODY_BYTES_MAX) {
    return 'bad';
  }
  const end = V2_HEADER_BYTES + bodyBytes;
  if (bytes.length < end) {
    return 'more';
  }
  const isTcp = family === V2_TCP4 || family === V2_TCP6;
  if (command === V2_LOCAL || !isTcp) {
    return { end, addresses: null };
  }
  const addressBytes = family === V2_TCP4 ? 4 : 16;
  const portsAt = V2_HEADER_BYTES + 2 * addressBytes;
  if (portsAt + 4 > end) {
    return 'bad';
  }
  const addresses = {
    source: textOf(bytes.subarray(V2_HEADER_BYTES, V2_HEADER_BYTES + addressBytes)),
    sourcePort: bytes.readUInt16BE(portsAt),
    destination: textOf(bytes.subarray(V2_HEADER_BYTES + addressBytes, portsAt)),
    destinationPort: bytes.readUInt16BE(portsAt + 2),
  };
  return { end, addresses };
}

function textOf(bytes: Buffer): string {
  if (bytes.length === 4) {
    return bytes.join('.');
  }
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16)).join(':');
  // In its shortest form, as every other address is written.
  return new URL(`http://[${groups}]`).hostname.slice(1, -1);
}

/** The header for a target. `addresses` null, or of two families: it speaks for nobody. */
export function writeProxyHeader(version: ProxyHeaderVersion, addresses: Addresses | null): Buffer {
  const source = addresses === null ? null : parseAddress(addresses.source);
  const destination = addresses === null ? null : parseAddress(addresses.destination);
  const isKnown = source !== null && destination !== null && source.length === destination.length;
  if (addresses === null || !isKnown) {
    return version === 'v1' ? Buffer.from('PROXY UNKNOWN\r\n') : v2(V2_LOCAL, 0, Buffer.alloc(0));
  }
  const { sourcePort, destinationPort } = addresses;
  if (version === 'v1') {
    const family = source.length === 4 ? 'TCP4' : 'TCP6';
    const text = [textOf(Buffer.from(source)), textOf(Buffer.from(destination)), sourcePort, destinationPort].join(' ');
    return Buffer.from(`PROXY ${family} ${text}\r\n`, 'latin1');
  }
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(sourcePort, 0);
  ports.writeUInt16BE(destinationPort, 2);
  const body = Buffer.concat([Buffer.from(source), Buffer.from(destination), ports]);
  return v2(V2_PROXY, source.length === 4 ? V2_TCP4 : V2_TCP6, body);
}

function v2(command: number, family: number, body: Buffer): Buffer {
  return Buffer.concat([V2_SIGNATURE, Buffer.from([command, family, body.length >> 8, body.length & 255]), body]);
}
