/**
 * Which fields pass and which do not. Hop-by-hop fields (RFC 9110 section 7.6.1) and those that are made anew for the
 * next hop are dropped here; what a Connection field nominates is dropped beside them. Both happen before our own
 * fields are added, so that no nomination can remove those (CVE-2022-31813, CVE-2026-33805).
 */
import { ALIAS, FIELD, type FieldName, FORWARDED_OTHER } from './fields.ts';
import type { FieldSection } from './field-section.ts';
import { listElements } from './field-values.ts';

/** For each field number 1 where the field does not pass. */
export type FieldFilter = Uint8Array;

const HOP_BY_HOP = [
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
] as const satisfies readonly FieldName[];

/** Written anew for every message. */
const FRAMING = ['content-length'] as const satisfies readonly FieldName[];

/** What only a trusted proxy may say of a request's way here (all of them alike: CVE-2026-3635). */
const TRUSTED_ONLY = [
  'cf-connecting-ip',
  'client-ip',
  'fastly-client-ip',
  'forwarded',
  'forwarded-for',
  'true-client-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-proto',
  'x-forwarded-server',
  'x-original-forwarded-for',
  'x-originating-ip',
  'x-real-ip',
  'x-remote-addr',
  'x-remote-ip',
] as const satisfies readonly FieldName[];

/** Made anew by us, from what a trusted proxy said of it. */
const FROM_TRUSTED = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
] as const satisfies readonly FieldName[];

/** `proxy` becomes the variable HTTP_PROXY in CGI programs (CVE-2016-5385). */
const REQUEST_ONLY = [
  'expect',
  'host',
  'max-forwards',
  'proxy',
  'x-request-id',
] as const satisfies readonly FieldName[];

export const REQUEST_FILTER = filterOf(
  [...HOP_BY_HOP, ...FRAMING, ...REQUEST_ONLY, ...TRUSTED_ONLY],
  [FORWARDED_OTHER],
);
export const TRUSTED_REQUEST_FILTER = filterOf([...HOP_BY_HOP, ...FRAMING, ...REQUEST_ONLY, ...FROM_TRUSTED], []);
export const RESPONSE_FILTER = filterOf([...HOP_BY_HOP, ...FRAMING], []);

/**
 * Fields that a trailer section may not bring (RFC 9110 section 6.5.1): those that frame, route, authenticate or say
 * what the content is, all of which were acted on when the head was read.
 */
const NOT_IN_TRAILERS: ReadonlySet<string> = new Set([
  'age',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-location',
  'content-range',
  'content-type',
  'expires',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'location',
  'pragma',
  'range',
  'refresh',
  'retry-after',
  'vary',
  'www-authenticate',
]);

function filterOf(names: readonly FieldName[], ids: readonly number[]): FieldFilter {
  const filter = new Uint8Array(256);
  for (const id of [...names.map((name) => FIELD[name]), ...ids, ALIAS]) {
    filter[id] = 1;
  }
  return filter;
}

/**
 * The fields that pass, each as "name: value" CRLF. `connection` is the Connection field's value in lower case; `dropped`
 * are lower-case names of more that do not.
 *
 * Lines that stand in that very form next to each other are taken over as one string: the scanner has checked every
 * byte of them, so writing them from their parts would give the same string, only slower.
 */
export function passingFields(
  fields: FieldSection,
  filter: FieldFilter,
  connection: string,
  dropped: ReadonlySet<string> | null = null,
): string {
  const isPlain = connection === '' || connection === 'keep-alive' || connection === 'close';
  const nominated = isPlain ? dropped : new Set([...listElements(connection), ...(dropped ?? [])]);
  let text = '';
  let runStart = -1;
  for (let i = 0; i < fields.count; i++) {
    const passes =
      filter[fields.ids[i] as number] === 0 && !(nominated !== null && nominated.has(fields.name(i).toLowerCase()));
    if (passes && fields.canonical[i] === 1) {
      if (runStart < 0) {
        runStart = fields.nameStart(i);
      }
      continue;
    }
    if (runStart >= 0) {
      text += fields.text.substring(runStart, fields.nameStart(i));
      runStart = -1;
    }
    if (passes) {
      text += `${fields.name(i)}: ${fields.value(i)}\r\n`;
    }
  }
  if (runStart >= 0) {
    // The section's text ends with the empty line.
    text += fields.text.substring(runStart, fields.text.length - 2);
  }
  return text;
}

/** A trailer section for the next hop, without its final empty line. */
export function passingTrailers(trailers: FieldSection | null): string {
  let text = '';
  for (let i = 0; trailers !== null && i < trailers.count; i++) {
    // Every field known by number is of the kind that belongs in a head.
    if (trailers.ids[i] === FIELD.other && !NOT_IN_TRAILERS.has(trailers.name(i).toLowerCase())) {
      text += `${trailers.name(i)}: ${trailers.value(i)}\r\n`;
    }
  }
  return text;
}
