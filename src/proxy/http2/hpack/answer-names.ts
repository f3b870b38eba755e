/** Names that fields of answers have, and how each of them is written: found by the bytes of a name, without a string of it. */
import { STATIC_NAMES } from './static-table.ts';

/** What HTTP/2 says in other ways, or not at all (RFC 9113 section 8.2.2). */
const OF_CONNECTIONS = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'];

/** What nobody on the way may remember: a guess at it could be told by the length of what is sent (RFC 7541 section 7.1). */
const SECRETS = [
  'authentication-info',
  'authorization',
  'cookie',
  'proxy-authentication-info',
  'proxy-authorization',
  'set-cookie',
  'x-auth-token',
  'x-csrf-token',
  'x-xsrf-token',
];

/**
 * What is another with each answer, so that remembering it would only drive out what comes again. Not `date`, which is the same for all
 * answers of a second: where there are several, they are what most bytes of small answers go to.
 */
const CHANGING = [
  'age',
  'cf-ray',
  'content-disposition',
  'content-length',
  'content-location',
  'content-md5',
  'content-range',
  'digest',
  'etag',
  'expires',
  'last-modified',
  'location',
  'repr-digest',
  'content-digest',
  'retry-after',
  'server-timing',
  'traceparent',
  'tracestate',
  'x-correlation-id',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'ratelimit',
  'x-request-id',
  'x-response-time',
  'x-runtime',
  'x-trace-id',
];

/** How a field of a known name is written. Others are `KIND.stable`. */
export const KIND = { stable: 0, changing: 1, secret: 2, dropped: 3, length: 4 } as const;

export interface KnownName {
  readonly name: string;
  readonly kind: number;
  /** In the static table; 0: it is not there. */
  readonly index: number;
}

const KNOWN: readonly KnownName[] = [
  ...new Set([...STATIC_NAMES.filter((name) => /^[a-z]/.test(name)), ...OF_CONNECTIONS, ...SECRETS, ...CHANGING]),
].map((name) => ({ name, kind: kindOf(name), index: Math.max(0, STATIC_NAMES.indexOf(name)) }));

/** Places of the table of hashes: many more than names, so that most are found at the first place, or found to be missing. */
const SLOTS = 512;
const SLOT_OF = slots();

function kindOf(name: string): number {
  if (name === 'content-length') {
    return KIND.length;
  }
  if (OF_CONNECTIONS.includes(name)) {
    return KIND.dropped;
  }
  if (SECRETS.includes(name)) {
    return KIND.secret;
  }
  return CHANGING.includes(name) ? KIND.changing : KIND.stable;
}

/** The hash of a name or line, character by character: begin with 0. */
export function hashWith(hash: number, char: number): number {
  return (hash * 31 + char) | 0;
}

function slots(): Int16Array {
  const table = new Int16Array(SLOTS).fill(-1);
  for (const [at, { name }] of KNOWN.entries()) {
    let slot = slotOf([...Buffer.from(name)].reduce(hashWith, 0));
    while (table[slot] !== -1) {
      slot = (slot + 1) % SLOTS;
    }
    table[slot] = at;
  }
  return table;
}

function slotOf(hash: number): number {
  return (hash ^ (hash >>> 9)) & (SLOTS - 1);
}

/** The name, in small letters, of `length` bytes from `from`; null: not one of those known. */
export function knownName(hash: number, bytes: Uint8Array, from: number, length: number): KnownName | null {
  for (let slot = slotOf(hash); ; slot = (slot + 1) & (SLOTS - 1)) {
    const at = SLOT_OF[slot] as number;
    if (at < 0) {
      return null;
    }
    const known = KNOWN[at] as KnownName;
    if (isName(known.name, bytes, from, length)) {
      return known;
    }
  }
}

function isName(name: string, bytes: Uint8Array, from: number, length: number): boolean {
  if (name.length !== length) {
    return false;
  }
  for (let i = 0; i < length; i++) {
    if (bytes[from + i] !== name.charCodeAt(i)) {
      return false;
    }
  }
  return true;
}
