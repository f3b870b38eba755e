/**
 * The part of JavaScript's regular expressions that an automaton can decide: no back-references and no look-around, which are
 * what makes other engines go back and try again. What is accepted means exactly what it means to RegExp, but for
 * a leading "(?i)", which stands for the flag.
 */
import { type CharRange, type CharSet, type Node, complementOf, PatternError } from './pattern-node.ts';

/** Groups inside of groups. */
const DEPTH_MAX = 32;

/** Largest number in "{n,m}": what is repeated is written out as often. */
const REPEAT_MAX = 256;

const DIGITS: CharSet = [[0x30, 0x39]];
const WORD: CharSet = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
const SPACE: CharSet = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const LINE_ENDS: CharSet = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];
const CLASSES: Readonly<Record<string, CharSet>> = {
  d: DIGITS,
  D: complementOf(DIGITS),
  w: WORD,
  W: complementOf(WORD),
  s: SPACE,
  S: complementOf(SPACE),
};
const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, '0': 0 };

/** Throws a `PatternError` that says where it cannot be read, and why. */
export function parseRegex(source: string): Node {
  const ignoresCase = source.startsWith('(?i)');
  return new RegexParser(source, ignoresCase ? 4 : 0, ignoresCase).parse();
}

class RegexParser {
  readonly #source: string;
  readonly #ignoresCase: boolean;
  #at: number;
  #depth = 0;

  constructor(source: string, from: number, ignoresCase: boolean) {
    this.#source = source;
    this.#at = from;
    this.#ignoresCase = ignoresCase;
  }

  parse(): Node {
    const node = this.#alternation();
    if (this.#at < this.#source.length) throw this.#error('there is a ")" without its "("');
    return node;
  }

  #alternation(): Node {
    const branches = [this.#sequence()];
    while (this.#take('|')) branches.push(this.#sequence());
    return branches.length === 1 ? (branches[0] as Node) : { kind: 'any', of: branches };
  }

  #sequence(): Node {
    const parts: Node[] = [];
    while (this.#at < this.#source.length && !'|)'.includes(this.#peek())) parts.push(this.#repeated());
    return { kind: 'sequence', of: parts };
  }

  #repeated(): Node {
    const start = this.#at;
    const node = this.#atom();
    const count = this.#count();
    if (count === null) return node;
    if (node.kind === 'start' || node.kind === 'end') throw this.#error('an anchor cannot be repeated', start);
    // Lazy or greedy is about where a match ends, not about whether there is one.
    this.#take('?');
    if ('*+?'.includes(this.#peek() || ' ') || this.#countAhead() !== null)
      throw this.#error('there is nothing to repeat');
    return { kind: 'repeat', of: node, min: count.min, max: count.max };
  }

  #count(): { min: number; max: number } | null {
    if (this.#take('*')) return { min: 0, max: Infinity };
    if (this.#take('+')) return { min: 1, max: Infinity };
    if (this.#take('?')) return { min: 0, max: 1 };
    const found = this.#countAhead();
    if (found === null) return null;
    const start = this.#at;
    this.#at += found[0].length;
    const min = Number(found[1]);
    const max = found[2] === undefined ? min : found[3] === '' ? Infinity : Number(found[3]);
    if (min > max) throw this.#error('the numbers of a repetition are in the wrong order', start);
    if (min > REPEAT_MAX || (max !== Infinity && max > REPEAT_MAX))
      throw this.#error(`repeats more than ${REPEAT_MAX} times`, start);
    return { min, max };
  }

  #countAhead(): RegExpExecArray | null {
    return /^\{(\d{1,6})(,(\d{0,6}))?\}/.exec(this.#source.slice(this.#at, this.#at + 20));
  }

  #atom(): Node {
    const char = this.#peek();
    const start = this.#at;
    this.#at += 1;
    switch (char) {
      case '^':
        return { kind: 'start' };
      case '$':
        return { kind: 'end' };
      case '.':
        return { kind: 'char', set: complementOf(LINE_ENDS) };
      case '(':
        return this.#group(start);
      case '[':
        return { kind: 'char', set: this.#bracket(start) };
      case '\\':
        return { kind: 'char', set: this.#cased(this.#escape(false)) };
      case '*':
      case '+':
      case '?':
        throw this.#error('there is nothing to repeat', start);
      case '{':
      case '}':
      case ']':
        throw this.#error(`"${char}" stands for itself only as "\\${char}"`, start);
      default:
        return { kind: 'char', set: this.#cased(one(char.charCodeAt(0))) };
    }
  }

  #group(start: number): Node {
    if (this.#source.startsWith('?', this.#at)) this.#groupKind(start);
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) throw this.#error(`groups are nested more than ${DEPTH_MAX} deep`, start);
    const node = this.#alternation();
    this.#depth -= 1;
    if (!this.#take(')')) throw this.#error('a group has no ")"', start);
    return node;
  }

  #groupKind(start: number): void {
    const rest = this.#source.slice(this.#at);
    if (/^\?<?[=!]/.test(rest)) throw this.#error('look-ahead and look-behind are not possible', start);
    const kind = /^\?(?::|<[A-Za-z_$][\w$]*>)/.exec(rest);
    if (kind === null) throw this.#error('this kind of group is not possible; "(?i)" stands at the very start', start);
    this.#at += kind[0].length;
  }

  #bracket(start: number): CharSet {
    const isNegated = this.#take('^');
    const set: CharRange[] = [];
    while (!this.#take(']')) {
      if (this.#at >= this.#source.length) throw this.#error('a class has no "]"', start);
      const low = this.#member();
      const isRange = this.#peek() === '-' && !['', ']'].includes(this.#source.charAt(this.#at + 1));
      if (!isRange) {
        set.push(...low);
        continue;
      }
      this.#at += 1;
      const high = this.#member();
      const [from, to] = [single(low), single(high)];
      if (from === null || to === null) throw this.#error('a range needs a single character at both ends');
      if (from > to) throw this.#error('the ends of a range are in the wrong order');
      set.push([from, to]);
    }
    const cased = this.#cased(set);
    return isNegated ? complementOf(cased) : cased;
  }

  #member(): CharSet {
    const char = this.#peek();
    this.#at += 1;
    if (char === '') throw this.#error('a class has no "]"');
    return char === '\\' ? this.#escape(true) : one(char.charCodeAt(0));
  }

  /** What comes behind a backslash. */
  #escape(isInClass: boolean): CharSet {
    const start = this.#at - 1;
    const char = this.#peek();
    this.#at += 1;
    if (char === '') throw this.#error('a backslash stands at the end', start);
    const known = Object.hasOwn(CLASSES, char) ? CLASSES[char] : undefined;
    if (known !== undefined) return known;
    if (/[1-9k]/.test(char)) throw this.#error('back-references are not possible', start);
    if (char === '0' && /\d/.test(this.#peek())) throw this.#error('octal escapes are not possible', start);
    if (Object.hasOwn(CONTROLS, char)) return one(CONTROLS[char] as number);
    if (char === 'b' && isInClass) return one(8);
    if (char === 'b' || char === 'B') throw this.#error('word borders (\\b, \\B) are not possible', start);
    if (char === 'x' || char === 'u') return one(this.#hex(char === 'x' ? 2 : 4, start));
    if (/[A-Za-z]/.test(char)) throw this.#error(`"\\${char}" is not possible`, start);
    return one(char.charCodeAt(0));
  }

  #hex(digits: number, start: number): number {
    const text = this.#source.slice(this.#at, this.#at + digits);
    if (text.length < digits || !/^[0-9A-Fa-f]+$/.test(text))
      throw this.#error(`needs ${digits} hexadecimal digits`, start);
    this.#at += digits;
    return Number.parseInt(text, 16);
  }

  /** Both cases of every letter, where case does not count. */
  #cased(set: CharSet): CharSet {
    if (!this.#ignoresCase) return set;
    return [
      ...set,
      ...set.flatMap(([from, to]) => [...shifted(from, to, 0x41, 0x20), ...shifted(from, to, 0x61, -0x20)]),
    ];
  }

  #peek(): string {
    return this.#source.charAt(this.#at);
  }

  #take(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#at += 1;
    return true;
  }

  #error(reason: string, at = this.#at): PatternError {
    return new PatternError(`${reason} (at character ${at + 1})`);
  }
}

function one(code: number): CharSet {
  return [[code, code]];
}

function single(set: CharSet): number | null {
  const [range] = set;
  return set.length === 1 && range !== undefined && range[0] === range[1] ? range[0] : null;
}

/** The letters of `from`..`to` among the 26 that begin at `first`, moved by `by`. */
function shifted(from: number, to: number, first: number, by: number): CharRange[] {
  const low = Math.max(from, first);
  const high = Math.min(to, first + 25);
  return low <= high ? [[low + by, high + by]] : [];
}
