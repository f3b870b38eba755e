/**
 * The chunked coding (RFC 9112 section 7.1), read strictly and piece by piece. The data of all chunks inside one
 * input buffer is moved together inside that buffer, so that many tiny chunks leave as one: what a peer sends cannot
 * make us write more than it wrote.
 */
import { CR, HEX_VALUE, LF, TOKEN_BYTE, VALUE_BYTE } from './bytes.ts';
import { FieldSection, NEED_MORE } from './field-section.ts';
import { FIELD } from './fields.ts';
import { GatheredBytes } from './gathered-bytes.ts';

/** 2^52: sizes stay exact integers. */
const SIZE_DIGITS_MAX = 13;
const LEADING_ZEROS_MAX = 16;
/** Chunk extensions are read over and dropped; a whole message may carry this many bytes of them (CVE-2023-39326). */
const EXTENSION_BYTES_MAX = 4096;

type State = 'size' | 'extension' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | 'trailers' | 'done' | 'bad';

/** Where in an extension: ";" name [ "=" ( token | quoted-string ) ]. */
type ExtensionPart = 'name' | 'value' | 'quoted' | 'escaped' | 'closed';

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Fields that would frame the message, or say what becomes of the connection, when both is decided already. To drop
 * them is allowed (RFC 9110 section 6.5.1), but there are recipients that act on them, and no honest senders.
 */
const NEVER_TRAILERS: readonly number[] = [
  FIELD['content-length'],
  FIELD['transfer-encoding'],
  FIELD.connection,
  FIELD['proxy-connection'],
];

export interface TrailerLimits {
  readonly bytesMax: number;
  readonly fieldsMax: number;
}

export class ChunkedDecoder {
  #state: State = 'size';
  #size = 0;
  #digits = 0;
  #zeros = 0;
  #extensionBytes = 0;
  #extensionPart: ExtensionPart = 'name';
  #isPartEmpty = true;
  #trailerBytes: GatheredBytes | null = null;
  readonly #limits: TrailerLimits;

  /** After `decode`: the data that came, inside the given buffer. */
  dataStart = 0;
  dataEnd = 0;
  /** After `decode`: the index of the first byte that is not part of this body. */
  next = 0;
  /** The trailer section, once `decode` has said "done" and there was one. */
  trailers: FieldSection | null = null;

  constructor(limits: TrailerLimits) {
    this.#limits = limits;
  }

  /** Decodes `buffer[from..to)`, moving data inside it. "bad" is final. */
  decode(buffer: Buffer, from: number, to: number): 'more' | 'done' | 'bad' {
    this.dataStart = from;
    this.dataEnd = from;
    let at = from;
    while (at < to && this.#state !== 'done' && this.#state !== 'bad') {
      at = this.#state === 'data' ? this.#takeData(buffer, at, to) : this.#step(buffer, at, to);
    }
    this.next = at;
    return this.#state === 'done' ? 'done' : this.#state === 'bad' ? 'bad' : 'more';
  }

  #takeData(buffer: Buffer, at: number, to: number): number {
    const length = Math.min(this.#size, to - at);
    if (this.dataEnd === this.dataStart) {
      this.dataStart = at;
      this.dataEnd = at + length;
    } else {
      buffer.copyWithin(this.dataEnd, at, at + length);
      this.dataEnd += length;
    }
    this.#size -= length;
    if (this.#size === 0) {
      this.#state = 'data-cr';
    }
    return at + length;
  }

  /** One byte of framing, or the trailer section. */
  #step(buffer: Buffer, at: number, to: number): number {
    const byte = buffer[at] as number;
    switch (this.#state) {
      case 'size':
        this.#readSizeByte(byte);
        break;
      case 'extension':
        this.#readExtensionByte(byte);
        break;
      case 'size-lf':
        this.#state = byte !== LF ? 'bad' : this.#size === 0 ? 'trailers' : 'data';
        break;
      case 'data-cr':
        this.#state = byte === CR ? 'data-lf' : 'bad';
        break;
      case 'data-lf':
        this.#state = byte === LF ? 'size' : 'bad';
        this.#digits = 0;
        this.#zeros = 0;
        break;
      default:
        return this.#readTrailers(buffer, at, to);
    }
    return at + 1;
  }

  #readSizeByte(byte: number): void {
    const value = HEX_VALUE[byte] as number;
    if (value !== 255) {
      // Leading zeros are legal, so they are not counted as digits, but bounded all the same.
      if (value === 0 && this.#size === 0) {
        this.#zeros++;
      } else {
        this.#digits++;
      }
      this.#size = this.#size * 16 + value;
      if (this.#digits > SIZE_DIGITS_MAX || this.#zeros > LEADING_ZEROS_MAX) {
        this.#state = 'bad';
      }
    } else if (this.#digits + this.#zeros === 0) {
      this.#state = 'bad';
    } else if (byte === CR) {
      this.#state = 'size-lf';
    } else {
      // White space is legal before ";", as "bad" (BWS), but who sends it is not known, and who misreads it is.
      this.#state = byte === SEMICOLON ? 'extension' : 'bad';
      this.#beginExtensionPart('name');
    }
  }

  /** Read over by its grammar, because recipients differ on where one ends that has none (RFC 9112 section 7.1.1). */
  #readExtensionByte(byte: number): void {
    this.#extensionBytes++;
    if (this.#extensionBytes > EXTENSION_BYTES_MAX) {
      this.#state = 'bad';
      return;
    }
    switch (this.#extensionPart) {
      case 'quoted':
        return this.#readQuotedByte(byte);
      case 'escaped':
        this.#extensionPart = 'quoted';
        this.#state = VALUE_BYTE[byte] === 1 ? 'extension' : 'bad';
        return;
      default:
        return this.#readUnquotedByte(byte);
    }
  }

  #readQuotedByte(byte: number): void {
    if (byte === QUOTE) {
      this.#extensionPart = 'closed';
    } else if (byte === BACKSLASH) {
      this.#extensionPart = 'escaped';
    } else if (VALUE_BYTE[byte] !== 1) {
      this.#state = 'bad';
    }
  }

  #readUnquotedByte(byte: number): void {
    const part = this.#extensionPart;
    if (part !== 'closed' && TOKEN_BYTE[byte] === 1) {
      this.#isPartEmpty = false;
    } else if (this.#isPartEmpty) {
      this.#extensionPart = 'quoted';
      this.#isPartEmpty = false;
      this.#state = part === 'value' && byte === QUOTE ? 'extension' : 'bad';
    } else if (byte === CR) {
      this.#state = 'size-lf';
    } else if (byte === SEMICOLON) {
      this.#beginExtensionPart('name');
    } else if (byte === EQUALS && part === 'name') {
      this.#beginExtensionPart('value');
    } else {
      this.#state = 'bad';
    }
  }

  #beginExtensionPart(part: ExtensionPart): void {
    this.#extensionPart = part;
    this.#isPartEmpty = true;
  }

  /** The trailer section is held until it is complete: it is as bounded as a head. */
  #readTrailers(buffer: Buffer, at: number, to: number): number {
    // Nearly always there is none, and CRLF ends the message.
    if (this.#trailerBytes === null && to - at >= 2 && buffer[at] === CR && buffer[at + 1] === LF) {
      this.#state = 'done';
      return at + 2;
    }
    this.#trailerBytes ??= new GatheredBytes();
    const held = this.#trailerBytes;
    const before = held.length;
    // Without another line end nothing can have become readable: a section sent byte by byte is not scanned each time.
    const section = held.append(buffer, at, to) ? new FieldSection(this.#limits.fieldsMax) : null;
    const end = section === null ? NEED_MORE : section.scan(held.buffer, 0, held.length, 0);
    if (section === null || end === NEED_MORE) {
      this.#state = held.length > this.#limits.bytesMax ? 'bad' : 'trailers';
      return to;
    }
    if (end < 0 || end > this.#limits.bytesMax || NEVER_TRAILERS.some((id) => section.find(id) >= 0)) {
      this.#state = 'bad';
      return to;
    }
    section.text = held.buffer.toString('latin1', 0, end);
    this.trailers = section.count === 0 ? null : section;
    this.#state = 'done';
    return at + end - before;
  }
}
