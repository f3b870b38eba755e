/**
 * Which fields pass and which do not. Hop-by-hop fields (RFC 9110 section 7.6.1) and those that are made anew for the
 * next hop are dropped here; what a Connection field nominates is dropped beside them. Both happen before our own
 * fields are added, so that no nomination can remove those (CVE-2022-31813, CVE-2026-33805).
 */
import { HOP_BY_HOP } from '../../base/hop-by-hop.ts';
import { ALIAS, FIELD, type FieldName, FORWARDED_OTHER } from './fields.ts';
import type { FieldSection } from './field-section.ts';
import { listElements } from './field-values.ts';
import type { Provenance } from '../origin.ts';

/** For each field number what becomes of the field: one of the four below. */
type FieldFilter = Uint8Array;

const PASSES = 0;
const DROPPED = 1;
/** Passes with a value that may be another. */
const MAPPED = 2;
/** Passes unless its name is one of those that were listed. */
const NAMED = 3;

/** Which fields pass, and how; made once for many messages. */
export interface FieldPassage {
  readonly filter: FieldFilter;
  /** Fields known by no number that do not pass either, lower case. */
  readonly names: ReadonlySet<string> | null;
  readonly mapping: FieldMapping | null;
  /** Every name that was listed. */
  readonly listed: ReadonlySet<string>;
  /** Some of them are names of fields that the proxy adds by itself. */
  readonly withholds: boolean;
}

/** Gives the value that a field is passed on with, which holds nothing that a field's value may not. */
export interface FieldMapping {
  map(fieldId: number, value: string, from: Provenance): string;
}

/** Written anew for every message. */
const FRAMING = ['content-length'] as const satisfies readonly FieldName[];

/**
 * What only a trusted proxy may say of a request's way here (all of them alike: CVE-2026-3635), also of the URL that was
 * asked for: an application that believes X-Original-URL serves another path than the one that was routed; and whether it is
 * a copy, of which an application may do without the consequences.
 */
const TRUSTED_ONLY = [
  'cf-connecting-ip',
  'client-ip',
  'fastly-client-ip',
  'forwarded',
  'forwarded-for',
  'front-end-https',
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
  'x-original-host',
  'x-original-url',
  'x-originating-ip',
  'x-real-ip',
  'x-remote-addr',
  'x-remote-ip',
  'x-rewrite-url',
  'x-shadow-request',
  'x-url-scheme',
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

export const STRANGER_PASSAGE = passageOf(
  [...HOP_BY_HOP, ...FRAMING, ...REQUEST_ONLY, ...TRUSTED_ONLY],
  [FORWARDED_OTHER],
);
export const TRUSTED_PASSAGE = passageOf([...HOP_BY_HOP, ...FRAMING, ...REQUEST_ONLY, ...FROM_TRUSTED], []);
export const RESPONSE_PASSAGE = passageOf([...HOP_BY_HOP, ...FRAMING], []);

/** What in an answer may name a place at the target. */
const PLACES = ['content-location', 'location', 'refresh', 'set-cookie'] as const satisfies readonly FieldName[];

/** Fields that the proxy adds by itself. */
const ADDED: ReadonlySet<string> = new Set([
  'date',
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
  'x-request-id',
]);

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

function passageOf(names: readonly FieldName[], ids: readonly number[]): FieldPassage {
  const filter = new Uint8Array(256);
  for (const id of [...names.map((name) => FIELD[name]), ...ids, ALIAS]) {
    filter[id] = DROPPED;
  }
  return { filter, names: null, mapping: null, listed: new Set(), withholds: false };
}

/** As `base`, but without the fields of these lower-case names, and with places mapped where there is a mapping. */
export function passageWithout(
  base: FieldPassage,
  names: readonly string[],
  mapping: FieldMapping | null,
): FieldPassage {
  const filter = Uint8Array.from(base.filter);
  for (const place of mapping === null ? [] : PLACES) {
    filter[FIELD[place]] = MAPPED;
  }
  const others = new Set<string>();
  for (const name of names) {
    const id = knownId(name);
    if (id !== null) {
      filter[id] = DROPPED;
    } else {
      others.add(name);
      for (const passing of [FIELD.other, FORWARDED_OTHER]) {
        filter[passing] = filter[passing] === PASSES ? NAMED : (filter[passing] as number);
      }
    }
  }
  return {
    filter,
    names: others.size === 0 ? null : others,
    mapping,
    listed: new Set(names),
    withholds: names.some((name) => ADDED.has(name)),
  };
}

function knownId(name: string): number | null {
  return name !== 'other' && Object.hasOwn(FIELD, name) ? FIELD[name as FieldName] : null;
}

/** Lines that we would add, less those that are not wanted. */
export function addedLines(lines: string, { withholds, listed }: FieldPassage): string {
  return withholds ? withoutLines(lines, listed) : lines;
}

/** Complete lines less those of fields with these lower-case names. */
export function withoutLines(lines: string, names: ReadonlySet<string>): string {
  return lines
    .split('\r\n')
    .filter((line) => line !== '' && !names.has(line.substring(0, line.indexOf(':')).toLowerCase()))
    .map((line) => `${line}\r\n`)
    .join('');
}

/**
 * The fields that pass, each as "name: value" CRLF. `connection` is the Connection field's value in lower case; `from`
 * is where the request came from, if places are to be mapped; `dropped` are lower-case names of more that do not pass.
 *
 * Lines that stand in that very form next to each other are taken over as one string: the scanner has checked every
 * byte of them, so writing them from their parts would give the same string, only slower.
 */
export function passingFields(
  fields: FieldSection,
  passage: FieldPassage,
  connection: string,
  from: Provenance | null,
  dropped: ReadonlySet<string> | null = null,
): string {
  const { filter } = passage;
  const isPlain = connection === '' || connection === 'keep-alive' || connection === 'close';
  const nominated = isPlain ? dropped : new Set([...listElements(connection), ...(dropped ?? [])]);
  let text = '';
  let runStart = -1;
  for (let i = 0; i < fields.count; i++) {
    const kind = filter[fields.ids[i] as number] as number;
    let passes = kind !== DROPPED && !(nominated !== null && nominated.has(fields.name(i).toLowerCase()));
    let mapped: string | null = null;
    if (kind > DROPPED && passes) {
      passes = kind === MAPPED || !isNamed(fields, i, passage);
      mapped = kind === MAPPED ? mappedValue(fields, i, passage, from) : null;
    }
    if (passes && mapped === null && fields.canonical[i] === 1) {
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
      text += `${fields.name(i)}: ${mapped ?? fields.value(i)}\r\n`;
    }
  }
  if (runStart >= 0) {
    // The section's text ends with the empty line.
    text += fields.text.substring(runStart, fields.text.length - 2);
  }
  return text;
}

function isNamed(fields: FieldSection, index: number, { names }: FieldPassage): boolean {
  return names !== null && names.has(fields.name(index).toLowerCase());
}

/** null: it is what it was. */
function mappedValue(
  fields: FieldSection,
  index: number,
  { mapping }: FieldPassage,
  from: Provenance | null,
): string | null {
  if (mapping === null || from === null) {
    return null;
  }
  const value = fields.value(index);
  const mapped = mapping.map(fields.ids[index] as number, value, from);
  return mapped === value ? null : mapped;
}

/** Names of fields that do not pass for this passage, nor, with `dropped`, for this one message. */
export function withheldNames({ listed }: FieldPassage, dropped: ReadonlySet<string> | null): ReadonlySet<string> {
  return dropped === null ? listed : new Set([...listed, ...dropped]);
}

/**
 * A trailer section for the next hop, without its final empty line. `withheld`: lower-case names of fields that do not pass,
 * as they would not in a head: there are recipients that make one of both.
 */
export function passingTrailers(trailers: FieldSection | null, withheld: ReadonlySet<string>): string {
  let text = '';
  for (let i = 0; trailers !== null && i < trailers.count; i++) {
    const name = trailers.name(i).toLowerCase();
    // Every field known by number is of the kind that belongs in a head.
    if (trailers.ids[i] === FIELD.other && !NOT_IN_TRAILERS.has(name) && !withheld.has(name)) {
      text += `${trailers.name(i)}: ${trailers.value(i)}\r\n`;
    }
  }
  return text;
}
