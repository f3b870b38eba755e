import { latin1Text } from './latin1-text.ts';
import { ENTRY_OVERHEAD_BYTES } from './static-table.ts';

/**
 * The lines of heads that the peer of a connection was told to remember (RFC 7541 section 2.3.2), as their text was: "Name: value\r\n".
 *
 * Heads of one connection are much alike. So the line that came next the last time is looked for first, and found without reading what
 * is in it: one comparison, by the engine's own code. Only where another has come the line is read, and looked for by its hash.
 * The ring grows with its use, so that a connection that remembers nothing holds little.
 */
export class LineTable {
  #ring: Line[] = [];
  /** Lines that the ring has room for, less one: a power of two, less one. */
  #mask = -1;
  /** Lines that were ever added: the next one's number. */
  #added = 0;
  #count = 0;
  #bytes = 0;
  #bytesMax: number;
  /** Stands before the first line of each head. */
  readonly #start: Line = { text: '', hash: 0, bytes: 0, number: -1, next: 0 };
  /** The line of this head that was found last. */
  #last: Line = this.#start;
  /** Hashes of lines that were seen last and not remembered, as a ring. */
  readonly #seen: number[] = new Array<number>(SEEN_MAX).fill(0);
  #seenNext = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** A head begins. */
  begin(): void {
    this.#last = this.#start;
  }

  /** How long ago a line was added: 0 is the last. */
  age(line: Line): number {
    return this.#added - 1 - line.number;
  }

  /** The line that came next the last time, if it stands at `from`; null: another does. */
  expected(text: string, from: number): Line | null {
    const number = this.#last.next;
    if (number >= this.#added || number < this.#added - this.#count) {
      return null;
    }
    const line = this.#ring[number & this.#mask] as Line;
    if (!isAt(line, text, from)) {
      return null;
    }
    this.#last = line;
    return line;
  }

  /** The line from `from`, if it is remembered. */
  find(hash: number, text: string, from: number): Line | null {
    for (let number = this.#added - 1; number >= this.#added - this.#count; number--) {
      const line = this.#ring[number & this.#mask] as Line;
      if (line.hash === hash && isAt(line, text, from)) {
        this.#follow(line);
        return line;
      }
    }
    return null;
  }

  /**
   * Whether a line that is not remembered should be: it was seen before, not long ago, and leaves room for others. What is another in each
   * answer would drive out what is not.
   */
  isWorthIt(hash: number, bytes: number): boolean {
    if (this.#seen.includes(hash)) {
      return bytes <= this.#bytesMax - (this.#bytesMax >>> 2);
    }
    this.#seen[this.#seenNext] = hash;
    this.#seenNext = (this.#seenNext + 1) & (SEEN_MAX - 1);
    return false;
  }

  /** `bytes`: of its name and value, with the overhead of an entry; not more than the table has. */
  add(hash: number, text: string, from: number, to: number, bytes: number): void {
    this.#evict(this.#bytesMax - bytes);
    if (this.#count > this.#mask) {
      this.#grow();
    }
    // A part of a string holds on to all of it, so this has to be a copy.
    const copy = Buffer.from(text.substring(from, to), 'latin1');
    const number = this.#added++;
    const line: Line = { text: latin1Text(copy, 0, copy.length), hash, bytes, number, next: number + 1 };
    this.#ring[number & this.#mask] = line;
    this.#count++;
    this.#bytes += bytes;
    this.#follow(line);
  }

  resize(bytesMax: number): void {
    this.#bytesMax = bytesMax;
    this.#evict(bytesMax);
  }

  #follow(line: Line): void {
    this.#last.next = line.number;
    this.#last = line;
  }

  #evict(bytesMax: number): void {
    while (this.#bytes > bytesMax && this.#count > 0) {
      const place = (this.#added - this.#count) & this.#mask;
      this.#bytes -= (this.#ring[place] as Line).bytes;
      this.#ring[place] = this.#start;
      this.#count--;
    }
  }

  #grow(): void {
    const [before, maskBefore] = [this.#ring, this.#mask];
    const room = Math.max(LINES_AT_FIRST, (maskBefore + 1) * 2);
    const ring = new Array<Line>(room).fill(this.#start);
    for (let number = this.#added - this.#count; number < this.#added; number++) {
      ring[number & (room - 1)] = before[number & maskBefore] as Line;
    }
    this.#ring = ring;
    this.#mask = room - 1;
  }
}

/** A line that the peer remembers. */
export interface Line {
  /** With its end. */
  readonly text: string;
  readonly hash: number;
  readonly bytes: number;
  /** They are counted from the first that the connection has had. */
  readonly number: number;
  /** Number of the line that followed it last; it may be evicted by now. */
  next: number;
}

/** Bytes that a table counts for a line. */
export function entryBytes(nameBytes: number, valueBytes: number): number {
  return nameBytes + valueBytes + ENTRY_OVERHEAD_BYTES;
}

function isAt(line: Line, text: string, from: number): boolean {
  return (
    text.charCodeAt(from) === line.text.charCodeAt(0) &&
    // A part and its comparison are cheaper here than startsWith, which reads character by character.
    text.substring(from, from + line.text.length) === line.text
  );
}

/** A power of two, as many as answers of most services have. */
const LINES_AT_FIRST = 8;

/** A power of two: lines that may come between two sights of one that is to be remembered, those that are remembered not counted. */
const SEEN_MAX = 32;
