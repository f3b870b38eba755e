import { ENTRY_OVERHEAD_BYTES } from './static-table.ts';

/**
 * The fields that a peer has had this connection remember (RFC 7541 section 2.3.2): a ring, which grows with its use, so that a connection
 * that remembers nothing holds nothing. An entry keeps its strings: whoever names it again costs no memory.
 */
export class FieldTable {
  /** Names and values, one after the other. */
  #ring: string[] = [];
  /** Entries that the ring has room for, less one: a power of two, less one. */
  #mask = -1;
  /** Entries that were ever added: the next one's number. */
  #added = 0;
  #bytes = 0;
  #bytesMax: number;
  count = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** `age`: 0 is the entry that was added last; below `count`. */
  name(age: number): string {
    return this.#ring[((this.#added - 1 - age) & this.#mask) * 2] as string;
  }

  value(age: number): string {
    return this.#ring[((this.#added - 1 - age) & this.#mask) * 2 + 1] as string;
  }

  /** Evicts what there is no room for any more. One that is larger than the table leaves it empty (RFC 7541 section 4.4). */
  add(name: string, value: string): void {
    const bytes = name.length + value.length + ENTRY_OVERHEAD_BYTES;
    this.#evict(this.#bytesMax - bytes);
    if (bytes > this.#bytesMax) {
      return;
    }
    if (this.count > this.#mask) {
      this.#grow();
    }
    const place = (this.#added & this.#mask) * 2;
    this.#ring[place] = name;
    this.#ring[place + 1] = value;
    this.#added++;
    this.count++;
    this.#bytes += bytes;
  }

  resize(bytesMax: number): void {
    this.#bytesMax = bytesMax;
    this.#evict(bytesMax);
  }

  #evict(bytesMax: number): void {
    while (this.#bytes > bytesMax && this.count > 0) {
      const place = ((this.#added - this.count) & this.#mask) * 2;
      const [name, value] = [this.#ring[place] as string, this.#ring[place + 1] as string];
      this.#ring[place] = '';
      this.#ring[place + 1] = '';
      this.#bytes -= name.length + value.length + ENTRY_OVERHEAD_BYTES;
      this.count--;
    }
  }

  #grow(): void {
    const before = this.#ring;
    const maskBefore = this.#mask;
    const room = Math.max(ENTRIES_AT_FIRST, (maskBefore + 1) * 2);
    const ring = new Array<string>(room * 2).fill('');
    for (let entry = this.#added - this.count; entry < this.#added; entry++) {
      const [from, to] = [(entry & maskBefore) * 2, (entry & (room - 1)) * 2];
      ring[to] = before[from] as string;
      ring[to + 1] = before[from + 1] as string;
    }
    this.#ring = ring;
    this.#mask = room - 1;
  }
}

/** A power of two. Few clients have fewer fields that repeat. */
const ENTRIES_AT_FIRST = 8;
