import { isCidr } from '../base/cidr.ts';
import { DURATION_MS_MAX, durationMsOrNull, formatDuration } from '../base/duration.ts';
import { parseReference } from '../base/function-reference.ts';
import { parseHostPort } from '../base/host-port.ts';
import { maxAgeSecondsOrNull } from '../base/max-age.ts';
import { perSecondOrNull } from '../base/rate.ts';
import { parseRegex } from '../base/pattern/parse-regex.ts';
import { Pattern } from '../base/pattern/pattern.ts';
import { PatternError } from '../base/pattern/pattern-node.ts';
import { sizeBytesOrNull } from '../base/size.ts';
import { hoursOf } from './hours.ts';
import { parseListenAddress } from './listen-address.ts';
import { parseSubjectAltName } from './subject-alt-name.ts';
import { parseTargetUrl } from './target-url.ts';

/** `null` where the text has the format; else what is wrong with it and what would be right. */
export type Format = (text: string) => string | null;

/** Names of services, pools, listeners. They become parts of URLs, metric labels and file names. */
export const ID_PATTERN = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const HOST_PATTERN_WANTED =
  'must be a host name such as "shop.example.com", a wildcard such as "*.example.com", or an IP address (IPv6 in brackets)';

/** Every format that a schema may name, and that our Ajv instances know. */
export const FORMATS = {
  id: idProblem,
  duration: durationProblem,
  rate: rateProblem,
  timeout: timeoutProblem,
  'timeout-or-none': (text) => orNone(text, timeoutProblem),
  size: sizeProblem,
  limit: limitProblem,
  'limit-or-none': (text) => orNone(text, limitProblem),
  'listen-address': (text) => problemOf(() => parseListenAddress(text)),
  'admin-address': adminAddressProblem,
  'target-url': (text) => problemOf(() => parseTargetUrl(text)),
  'host-pattern': hostPatternProblem,
  'path-prefix': pathPrefixProblem,
  'request-path': requestPathProblem,
  cidr: (text) => (isCidr(text) ? null : 'must be a CIDR block or an address, such as "10.0.0.0/8" or "2001:db8::/32"'),
  'field-name': fieldNameProblem,
  'field-value': fieldValueProblem,
  token: (text) => (TOKEN.test(text) ? null : "must be an HTTP token: letters, digits and !#$%&'*+-.^_`|~ only"),
  'affinity-key': affinityKeyProblem,
  'max-age-or-none': (text) => orNone(text, maxAgeProblem),
  'cookie-domain': cookieDomainProblem,
  'cookie-path': cookiePathProblem,
  'hash-key': hashKeyProblem,
  'status-range': statusRangeProblem,
  'error-status': errorStatusProblem,
  'host-header': hostHeaderProblem,
  sha256: sha256Problem,
  timestamp: timestampProblem,
  function: (text) =>
    parseReference(text) === null
      ? 'must be a file and what it exports, such as "./rules.ts#isTester" (no "?" or other "#" in the path)'
      : null,
  regex: regexProblem,
  'cidr-or-name': cidrOrNameProblem,
  'path-glob': pathGlobProblem,
  location: (text) => templateProblem(text, LOCATION_VARIABLES) ?? locationProblem(text),
  'path-template': (text) => templateProblem(text, PATH_VARIABLES) ?? pathTemplateProblem(text),
  query: queryProblem,
  hours: (text) => (hoursOf(text) === null ? 'must be hours of the day such as "09:00-17:00" or "22:00-06:00"' : null),
  'time-zone': timeZoneProblem,
  'subject-alt-name': (text) => problemOf(() => parseSubjectAltName(text)),
} as const satisfies Record<string, Format>;

export type FormatName = keyof typeof FORMATS;

function problemOf(parse: () => { problem: string } | object): string | null {
  const result = parse();
  return 'problem' in result ? result.problem : null;
}

function idProblem(text: string): string | null {
  // The only name of Object.prototype that the pattern lets through: lookups by name must never find it.
  if (text === 'constructor') return 'must not be "constructor", which is a reserved word';
  if (ID_PATTERN.test(text)) return null;
  return 'must be 1 to 63 characters of a-z, 0-9, ".", "_" and "-", the first a letter or digit';
}

function durationProblem(text: string): string | null {
  if (durationMsOrNull(text) !== null) return null;
  return `must be a duration such as "250ms", "30s", "5m" or "1h" (at most ${formatDuration(Math.floor(DURATION_MS_MAX / 3.6e6) * 3.6e6)})`;
}

function rateProblem(text: string): string | null {
  if (perSecondOrNull(text) !== null) return null;
  return 'must be a rate above 0 such as "100/s", "30/m" or "1000/h" (at most 1000000/s)';
}

function timeoutProblem(text: string): string | null {
  return durationProblem(text) ?? (durationMsOrNull(text) === 0 ? 'must be more than 0' : null);
}

function orNone(text: string, format: Format): string | null {
  const problem = text === 'none' ? null : format(text);
  return problem === null ? null : `${problem}, or "none"`;
}

function sizeProblem(text: string): string | null {
  return sizeBytesOrNull(text) === null ? 'must be a size such as "512B", "64KiB" or "1MiB"' : null;
}

/** A limit of nothing is refused: elsewhere 0 often means "no limit", and a mistake either way is not seen until it hurts. */
function limitProblem(text: string): string | null {
  return sizeProblem(text) ?? (sizeBytesOrNull(text) === 0 ? 'must be more than 0' : null);
}

function adminAddressProblem(text: string): string | null {
  if (!text.startsWith('unix:')) return problemOf(() => parseListenAddress(text));
  const path = text.slice('unix:'.length);
  if (!path.startsWith('/') || path.endsWith('/'))
    return 'must name a socket by its absolute path, such as "unix:/run/cutover.sock"';
  // sun_path of unix(7) holds 108 bytes, the last of them NUL.
  return Buffer.byteLength(path) > 107 ? 'must have a path of at most 107 bytes' : null;
}

function hostPatternProblem(text: string): string | null {
  if (/[A-Z]/.test(text)) return `must be in lower case: "${text.toLowerCase()}"`;
  const wildcard = text.startsWith('*.');
  const parsed = parseHostPort(wildcard ? text.slice(2) : text);
  if ('problem' in parsed) return HOST_PATTERN_WANTED;
  if (parsed.port !== null) return 'must be a host without a port';
  if (!text.includes('[')) return null;
  if (wildcard) return HOST_PATTERN_WANTED;
  return text === `[${parsed.host}]` ? null : `must be an IPv6 address in its shortest form: "[${parsed.host}]"`;
}

function pathPrefixProblem(text: string): string | null {
  const problem = requestPathProblem(text);
  if (problem !== null) return problem;
  if (text.includes('?')) return 'must be a path without a query';
  if (/(^|\/)\.{1,2}(\/|$)/.test(text)) return 'must not contain "." or ".." segments';
  return null;
}

function requestPathProblem(text: string): string | null {
  if (!text.startsWith('/')) return `must start with "/", such as "/${text}"`;
  // RFC 9112 section 3.2.1: a request target holds no space, control or non-ASCII character, and no fragment.
  if (!/^[\x21\x22\x24-\x7e]+$/.test(text))
    return 'must be a path as it is sent: no spaces, "#", control or non-ASCII characters';
  return null;
}

function fieldNameProblem(text: string): string | null {
  if (!TOKEN.test(text)) return 'must be a header field name';
  if (text === '__proto__' || text === 'constructor')
    return 'must not be "__proto__" or "constructor", which are reserved words';
  return text === text.toLowerCase() ? null : `must be in lower case: "${text.toLowerCase()}"`;
}

function fieldValueProblem(text: string): string | null {
  // RFC 9110 section 5.5; optional whitespace around a value is not part of it, so such a value could never match.
  if (/^[\x21-\xff](?:[\t\x20-\xff]*[\x21-\xff])?$/.test(text) && !text.includes('\x7f')) return null;
  return text === '' ? null : 'must be a header field value: no control characters, no space at either end';
}

function affinityKeyProblem(text: string): string | null {
  const colon = text.indexOf(':');
  const kind = colon === -1 ? text : text.slice(0, colon);
  const name = colon === -1 ? '' : text.slice(colon + 1);
  if (text === 'client-ip') return null;
  if ((kind === 'cookie' || kind === 'header') && TOKEN.test(name)) return null;
  return 'must be "cookie:NAME", "header:NAME" or "client-ip"';
}

function maxAgeProblem(text: string): string | null {
  if (maxAgeSecondsOrNull(text) !== null) return null;
  return 'must be an age in whole units such as "90s", "30m", "12h" or "365d" (above 0, at most 400d)';
}

function cookieDomainProblem(text: string): string | null {
  const problem = hostPatternProblem(text);
  if (problem !== null)
    return text.startsWith('.') ? `must not begin with ".": "${text.slice(1)}" means the same` : problem;
  if (text.startsWith('*.')) return `must be without "*.": "${text.slice(2)}" means the hosts below it too`;
  return isCidr(text) || text.startsWith('[') ? 'must be a host name: a cookie for an address has no domain' : null;
}

function cookiePathProblem(text: string): string | null {
  if (!text.startsWith('/')) return `must start with "/", such as "/${text}"`;
  // RFC 6265 section 4.1.1: a semicolon ends the attribute.
  return /^[\x21-\x3a\x3c-\x7e]+$/.test(text)
    ? null
    : 'must be a path without ";", spaces, control or non-ASCII characters';
}

function hashKeyProblem(text: string): string | null {
  if (text === 'path' || affinityKeyProblem(text) === null) return null;
  return 'must be "header:NAME", "cookie:NAME", "client-ip" or "path"';
}

function statusRangeProblem(text: string): string | null {
  const match = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(text);
  if (match !== null && Number(match[2] ?? match[1]) >= Number(match[1])) return null;
  return 'must be a status such as 200, or a range such as "200-299"';
}

function errorStatusProblem(text: string): string | null {
  return /^[45](?:\d\d|xx)$/.test(text) ? null : 'must be an error status such as "503", or "4xx" or "5xx"';
}

function hostHeaderProblem(text: string): string | null {
  return 'problem' in parseHostPort(text) ? 'must be a host, with or without a port' : null;
}

function sha256Problem(text: string): string | null {
  if (/^[0-9a-f]{64}$/.test(text)) return null;
  return 'must be the SHA-256 of a token, 64 digits of 0-9 and a-f; "cutover token" makes a token and prints it';
}

function timestampProblem(text: string): string | null {
  // RFC 3339 section 5.6; the date alone would leave the time zone to chance.
  const isFormed = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:\d\d)$/.test(text);
  return isFormed && !Number.isNaN(Date.parse(text)) ? null : 'must be a time such as "2031-01-31T00:00:00Z"';
}

function regexProblem(text: string): string | null {
  try {
    new Pattern(parseRegex(text));
    return null;
  } catch (error) {
    if (error instanceof PatternError)
      return `must be a regular expression that can be decided in linear time: ${error.message}`;
    throw error;
  }
}

function pathGlobProblem(text: string): string | null {
  if (!/^[/*]/.test(text)) return 'must begin with "/" or "*"';
  return requestPathProblem(`/${text}`);
}

function cidrOrNameProblem(text: string): string | null {
  // What has a slash or a colon, or begins like an address, was meant as one.
  if (!/[/:]/.test(text) && !/^[\d.]+$/.test(text)) return idProblem(text);
  return isCidr(text)
    ? null
    : 'must be a CIDR block or an address, such as "10.0.0.0/8" or "2001:db8::/32", or the name of an address set';
}

/** What may stand in braces in a redirect, and in a path. */
const LOCATION_VARIABLES = ['scheme', 'host', 'path', 'query', 'uri', 'rest'];
const PATH_VARIABLES = ['path', 'rest'];

function templateProblem(text: string, variables: readonly string[]): string | null {
  const unknown = (text.match(/\{[^{}]*\}|[{}]/g) ?? []).find((part) => !variables.includes(part.slice(1, -1)));
  const known = variables.map((name) => `{${name}}`).join(', ');
  return unknown === undefined
    ? null
    : `must have no other names in braces than ${known}; it has ${JSON.stringify(unknown)}`;
}

/**
 * What the client sends must not be able to lead to another host: a variable that it fills stands behind the host, or
 * is the host that it asked for.
 */
function locationProblem(text: string): string | null {
  const withoutBraces = text.replaceAll(/[{}]/g, '');
  if (!/^[\x21-\x5b\x5d-\x7e]+$/.test(withoutBraces))
    return 'must be a location as it is sent: no spaces, "\\", control or non-ASCII characters';
  const absolute = /^(?:https?|\{scheme\}):\/\/((?:[A-Za-z0-9._~:[\]-]|\{host\})+)(.*)$/.exec(text);
  if (absolute !== null && /^(?:$|[/?#]|\{(?:path|uri|rest)\})/.test(absolute[2] as string)) return null;
  if (/^(?:\/(?!\/)|\{(?:path|uri|rest)\})/.test(text)) return null;
  return 'must begin with "/", "{path}", "{uri}" or "{rest}", or with "http://" or "https://" and a host that is written out or is "{host}"';
}

function pathTemplateProblem(text: string): string | null {
  if (!/^(?:\/|\{(?:path|rest)\})/.test(text)) return 'must begin with "/", "{path}" or "{rest}"';
  return pathPrefixProblem(`/${text.replaceAll(/\{\w+\}/g, '')}`.replaceAll('//', '/'));
}

function queryProblem(text: string): string | null {
  return /^[\x21\x22\x24-\x5b\x5d-\x7e]*$/.test(text) && !text.startsWith('?')
    ? null
    : 'must be a query as it is sent, without "?": no spaces, "#", "\\", control or non-ASCII characters';
}

function timeZoneProblem(text: string): string | null {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return null;
  } catch {
    return 'must be a time zone such as "Europe/Berlin" or "UTC"';
  }
}
