/**
 * Things that come and go quickly, each of which keeps its place in the list itself.
 *
 * A `Set` would say it more simply, but V8's makes a new table after as many additions as it has room for, and the one before
 * points to it and to what was in it: once one of them has become old, all that comes after it looks alive to the collector of
 * what is young, which then carries every connection there ever was over to the old, until the whole heap is looked through.
 *
 * `Key` names the field that keeps the place; it must be -1 where a thing is in no list.
 */
export class Roster<Key extends string, T extends { [key in Key]: number }> {
  readonly #key: Key;
  readonly #items: T[] = [];

  constructor(key: Key) {
    this.#key = key;
  }

  get size(): number {
    return this.#items.length;
  }

  add(item: T): void {
    if (item[this.#key] < 0) {
      setPlace(item, this.#key, this.#items.push(item) - 1);
    }
  }

  /** Does nothing to what is not in it. */
  delete(item: T): void {
    const place = item[this.#key];
    if (place < 0) {
      return;
    }
    setPlace(item, this.#key, -1);
    const last = this.#items.pop() as T;
    if (last !== item) {
      this.#items[place] = last;
      setPlace(last, this.#key, place);
    }
  }

  /** What is in it at this moment: what comes and goes meanwhile changes nothing of it. */
  all(): T[] {
    return this.#items.slice();
  }

  has(item: T): boolean {
    return item[this.#key] >= 0;
  }

  /** In no order. Nothing may be added or deleted meanwhile. */
  [Symbol.iterator](): Iterator<T> {
    return this.#items.values();
  }
}

function setPlace<Key extends string>(item: { [key in Key]: number }, key: Key, place: number): void {
  item[key] = place;
}
