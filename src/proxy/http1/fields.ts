/**
 * The fields the proxy itself reads, sets or strips, each with a small number, so that a head is interpreted by
 * comparing integers. Every other field is `other` and passes through.
 */
import { assert } from '../../base/assert.ts';

export const FIELD_NAMES = [
  'other',
  'accept',
  'authorization',
  'cf-connecting-ip',
  'client-ip',
  'connection',
  'content-length',
  'content-location',
  'cookie',
  'date',
  'expect',
  'fastly-client-ip',
  'forwarded',
  'forwarded-for',
  'front-end-https',
  'host',
  'http2-settings',
  'keep-alive',
  'location',
  'max-forwards',
  'proxy',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'refresh',
  'server',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'true-client-ip',
  'upgrade',
  'via',
  'x-aspnet-version',
  'x-aspnetmvc-version',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-proto',
  'x-forwarded-server',
  'x-generator',
  'x-original-forwarded-for',
  'x-original-host',
  'x-original-url',
  'x-originating-ip',
  'x-powered-by',
  'x-real-ip',
  'x-remote-addr',
  'x-remote-ip',
  'x-request-id',
  'x-rewrite-url',
  'x-runtime',
  'x-shadow-request',
  'x-url-scheme',
] as const;

export type FieldName = (typeof FIELD_NAMES)[number];

/** Number of each known field. */
export const FIELD = Object.fromEntries(FIELD_NAMES.map((name, index) => [name, index])) as Readonly<
  Record<FieldName, number>
>;

/** Id of the X-Forwarded-* fields that are not known by name: what any of them says is trusted or dropped alike. */
export const FORWARDED_OTHER = 254;

const FORWARDED_PREFIX = new TextEncoder().encode('x-forwarded-');

/** Known names by their length: the few candidates that a name of that length can be. */
const BY_LENGTH: readonly (readonly KnownField[])[] = byLength();

interface KnownField {
  readonly id: number;
  /** Lower-case bytes. */
  readonly bytes: Uint8Array;
}

/** The number of the field whose name stands at `from`..`to`, in any case; `FIELD.other` for an unknown one. */
export function fieldIdAt(buffer: Uint8Array, from: number, to: number): number {
  const candidates = BY_LENGTH[to - from];
  for (let i = 0; candidates !== undefined && i < candidates.length; i++) {
    const candidate = candidates[i] as KnownField;
    if (equalsLowerCase(buffer, from, candidate.bytes)) {
      return candidate.id;
    }
  }
  const isForwarded = to - from > FORWARDED_PREFIX.length && equalsLowerCase(buffer, from, FORWARDED_PREFIX);
  return isForwarded ? FORWARDED_OTHER : 0;
}

/**
 * Id of a field whose name, its underscores read as hyphens, is that of a known one ("X_Forwarded_For"). Servers that
 * turn fields into variables (CGI, WSGI, Rack) cannot tell the two apart, so these never pass (CVE-2026-52845).
 */
export const ALIAS = 255;

export function isAlias(name: string): boolean {
  const hyphened = name.toLowerCase().replaceAll('_', '-');
  return FIELD_NAMES.includes(hyphened as FieldName) || hyphened.startsWith('x-forwarded-');
}

function equalsLowerCase(buffer: Uint8Array, from: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) {
    const byte = buffer[from + i] as number;
    const lower = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    if (lower !== name[i]) {
      return false;
    }
  }
  return true;
}

function byLength(): KnownField[][] {
  const lists: KnownField[][] = [];
  FIELD_NAMES.forEach((name, id) => {
    if (id === 0) {
      return;
    }
    assert(/^[a-z0-9-]+$/.test(name), 'known field names are lower-case letters, digits and hyphens');
    const bytes = new TextEncoder().encode(name);
    lists[bytes.length] ??= [];
    lists[bytes.length]?.push({ id, bytes });
  });
  return Array.from(lists, (list) => list ?? []);
}
