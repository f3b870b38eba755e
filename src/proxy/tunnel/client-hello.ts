/**
 * The name of the server that a TLS client asks for (SNI, RFC 6066 section 3), read from its first message without taking
 * part in what follows. What is no such message, or names nothing, is told apart from one that has not come whole.
 */

const RECORD_HANDSHAKE = 22;
const RECORD_HEADER_BYTES = 5;
/** RFC 8446 section 5.1. */
const RECORD_BYTES_MAX = 16_384;
const CLIENT_HELLO = 1;
const HANDSHAKE_HEADER_BYTES = 4;
/** Version and random. */
const HELLO_START_BYTES = 34;
const EXTENSION_SERVER_NAME = 0;
const NAME_OF_HOST = 0;

/** A message in more records than this is not read: none is cut so small but to make work. */
const RECORDS_MAX = 4;

/** A message of more bytes than this is not read; those of browsers have less than a tenth. */
export const CLIENT_HELLO_BYTES_MAX = 16_384;

/** The server's name, in lower case; "": none is named, or it is not TLS. Null: more must come before that is known. */
export function serverNameOf(bytes: Buffer): string | null {
  const hello = handshakeOf(bytes);
  if (hello === 'more') {
    return bytes.length > CLIENT_HELLO_BYTES_MAX ? '' : null;
  }
  return hello === 'none' ? '' : nameIn(hello);
}

/** The message without its header, put together from as many records as it has. */
function handshakeOf(bytes: Buffer): Buffer | 'more' | 'none' {
  const parts: Buffer[] = [];
  let length = 0;
  for (let at = 0; parts.length < RECORDS_MAX;) {
    if (bytes.length > at && bytes[at] !== RECORD_HANDSHAKE) {
      return 'none';
    }
    if (bytes.length < at + RECORD_HEADER_BYTES) {
      return 'more';
    }
    const recordBytes = bytes.readUInt16BE(at + 3);
    if (bytes[at + 1] !== 3 || recordBytes === 0 || recordBytes > RECORD_BYTES_MAX) {
      return 'none';
    }
    const part = bytes.subarray(at + RECORD_HEADER_BYTES, at + RECORD_HEADER_BYTES + recordBytes);
    parts.push(part);
    length += part.length;
    const message = Buffer.concat(parts, length);
    if (message.length > 0 && message[0] !== CLIENT_HELLO) {
      return 'none';
    }
    if (message.length >= HANDSHAKE_HEADER_BYTES) {
      const end = HANDSHAKE_HEADER_BYTES + message.readUIntBE(1, 3);
      if (end > CLIENT_HELLO_BYTES_MAX) {
        return 'none';
      }
      if (message.length >= end) {
        return message.subarray(HANDSHAKE_HEADER_BYTES, end);
      }
    }
    if (part.length < recordBytes) {
      return 'more';
    }
    at += RECORD_HEADER_BYTES + recordBytes;
  }
  return 'none';
}

/** RFC 8446 section 4.1.2: version, random, session, cipher suites, compression methods, extensions. */
function nameIn(hello: Buffer): string {
  const reader = new Vectors(hello, HELLO_START_BYTES);
  const isWhole = reader.take(1) !== null && reader.take(2) !== null && reader.take(1) !== null;
  const extensions = isWhole ? reader.take(2) : null;
  if (extensions === null) {
    return '';
  }
  const each = new Vectors(extensions, 0);
  for (let type = each.number(2); type !== null; type = each.number(2)) {
    const data = each.take(2);
    if (data === null) {
      return '';
    }
    if (type === EXTENSION_SERVER_NAME) {
      return hostIn(data);
    }
  }
  return '';
}

function hostIn(extension: Buffer): string {
  const names = new Vectors(extension, 0).take(2);
  if (names === null) {
    return '';
  }
  const each = new Vectors(names, 0);
  for (let type = each.number(1); type !== null; type = each.number(1)) {
    const name = each.take(2);
    if (name === null) {
      return '';
    }
    if (type === NAME_OF_HOST) {
      return name.toString('latin1').toLowerCase();
    }
  }
  return '';
}

/** Numbers, and bytes with their count before them, one behind the other; null where there are not so many. */
class Vectors {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  number(bytes: 1 | 2): number | null {
    if (this.#at + bytes > this.#bytes.length) {
      return null;
    }
    const number = this.#bytes.readUIntBE(this.#at, bytes);
    this.#at += bytes;
    return number;
  }

  take(countBytes: 1 | 2): Buffer | null {
    const count = this.number(countBytes);
    if (count === null || this.#at + count > this.#bytes.length) {
      return null;
    }
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }
}
