/**
 * Changes to a message that a parser may read in a way of its own: at the borders of tokens, at line ends, in numbers,
 * and by putting parts of two messages together.
 */
import { METHODS } from 'node:http';
import type { Random } from '../../src/base/random.ts';

const CHANGES_MAX = 4;
/** Mutation after mutation an input would only grow. */
const LENGTH_MAX = 4096;

/** `text` with one to four changes, parts of them taken from `others`. The same random numbers make the same changes. */
export function mutate(text: string, others: readonly string[], random: Random): string {
  const pick = new Picker(random);
  let changed = text;
  for (let left = 1 + pick.below(CHANGES_MAX); left > 0; left--) {
    changed = pick.one(CHANGES)(changed, pick, others);
  }
  return changed.slice(0, LENGTH_MAX);
}

type Change = (text: string, pick: Picker, others: readonly string[]) => string;

/** Choices of one source of random numbers. */
export class Picker {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** From 0 to `count - 1`. */
  below(count: number): number {
    return Math.floor(this.#random.next() * count);
  }

  one<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  chance(share: number): boolean {
    return this.#random.next() < share;
  }

  /** Where `pattern` (global) matches, one of the matches; null: nowhere. */
  match(text: string, pattern: RegExp): RegExpExecArray | null {
    const matches = [...text.matchAll(pattern)];
    return matches.length === 0 ? null : this.one(matches);
  }
}

function flipBit(text: string, pick: Picker): string {
  if (text === '') return text;
  const at = pick.below(text.length);
  return replaceAt(text, at, 1, String.fromCharCode(text.charCodeAt(at) ^ (1 << pick.below(8))));
}

/** Bytes that are no part of any token, or that some parsers take for white space, a line end or nothing. */
function oddByte(pick: Picker): string {
  return String.fromCharCode(pick.chance(0.6) ? pick.below(0x21) : 0x7f + pick.below(0x81));
}

function insertOddByte(text: string, pick: Picker): string {
  return replaceAt(text, borderIn(text, pick), 0, oddByte(pick));
}

function insertToken(text: string, pick: Picker): string {
  return replaceAt(text, borderIn(text, pick), 0, pick.one(TOKENS));
}

function insertFieldLine(text: string, pick: Picker): string {
  const lineStart = pick.match(text, /\r\n(?!\r\n)/g);
  return lineStart === null ? text : replaceAt(text, lineStart.index + 2, 0, `${pick.one(FIELD_LINES)}\r\n`);
}

function remove(text: string, pick: Picker): string {
  if (text === '') return text;
  const at = pick.chance(0.5) ? borderIn(text, pick) : pick.below(text.length);
  return replaceAt(text, at, pick.chance(0.7) ? 1 : 1 + pick.below(16), '');
}

function duplicateLine(text: string, pick: Picker): string {
  const line = pick.match(text, LINE);
  return line === null
    ? text
    : replaceAt(text, line.index, 0, line[0].repeat(pick.chance(0.9) ? 1 : 1 + pick.below(9)));
}

function removeLine(text: string, pick: Picker): string {
  const line = pick.match(text, LINE);
  return line === null ? text : replaceAt(text, line.index, line[0].length, '');
}

function moveLine(text: string, pick: Picker): string {
  const line = pick.match(text, LINE);
  if (line === null) return text;
  const without = replaceAt(text, line.index, line[0].length, '');
  const before = pick.match(without, LINE);
  return before === null ? text : replaceAt(without, before.index, 0, line[0]);
}

function changeLineEnd(text: string, pick: Picker): string {
  const end = pick.match(text, /\r\n|\r|\n/g);
  return end === null ? text : replaceAt(text, end.index, end[0].length, pick.one(LINE_ENDS));
}

/** One half of it, or one byte before it, is another byte. */
function corruptLineEnd(text: string, pick: Picker): string {
  const end = pick.match(text, /\r\n/g);
  return end === null ? text : replaceAt(text, Math.max(0, end.index - 1 + pick.below(3)), 1, oddByte(pick));
}

function changeNumber(text: string, pick: Picker): string {
  const number = pick.match(text, /\d+|(?<=\n)[0-9A-Fa-f]+(?=[;\r\n])/g);
  if (number === null) return text;
  return replaceAt(text, number.index, number[0].length, pick.one(NUMBER_CHANGES)(number[0], pick));
}

function changeCase(text: string, pick: Picker): string {
  const word = pick.match(text, /[A-Za-z]+/g);
  if (word === null) return text;
  const changed = pick.chance(0.5) ? word[0].toUpperCase() : word[0].toLowerCase();
  return replaceAt(text, word.index, word[0].length, changed);
}

function changeMethod(text: string, pick: Picker): string {
  const method = pick.match(text, /(?<=^|\n)[A-Za-z-]+(?= )/g);
  return method === null ? text : replaceAt(text, method.index, method[0].length, pick.one(METHODS));
}

function splice(text: string, pick: Picker, others: readonly string[]): string {
  const other = pick.one(others);
  return text.slice(0, borderIn(text, pick)) + other.slice(borderIn(other, pick));
}

function append(text: string, pick: Picker, others: readonly string[]): string {
  return pick.chance(0.5) ? text + pick.one(others) : pick.one(others) + text;
}

function insertPart(text: string, pick: Picker, others: readonly string[]): string {
  const other = pick.one(others);
  const from = borderIn(other, pick);
  return replaceAt(text, borderIn(text, pick), 0, other.slice(from, from + 1 + pick.below(40)));
}

function truncate(text: string, pick: Picker): string {
  return text.slice(0, pick.below(text.length + 1));
}

const CHANGES: readonly Change[] = [
  flipBit,
  insertOddByte,
  insertOddByte,
  insertToken,
  insertToken,
  insertFieldLine,
  insertFieldLine,
  remove,
  duplicateLine,
  removeLine,
  moveLine,
  changeLineEnd,
  changeLineEnd,
  corruptLineEnd,
  corruptLineEnd,
  changeNumber,
  changeNumber,
  changeCase,
  changeMethod,
  splice,
  append,
  insertPart,
  truncate,
];

const LINE = /[^\n]*\n/g;
const LINE_ENDS = [
  '\n',
  '\r',
  '\r\r\n',
  '\n\r',
  '\r\n\r\n',
  '',
  '\r\n ',
  '\r\n\t',
  '\r\n\0',
  '\v',
  '\f',
  '\x85',
  '\n\n',
];

const NUMBER_CHANGES: readonly ((digits: string, pick: Picker) => string)[] = [
  (digits) => String(Number.parseInt(digits, 10) + 1),
  (digits) => String(Number.parseInt(digits, 10) - 1),
  (digits, pick) => `${'0'.repeat(1 + pick.below(20))}${digits}`,
  (digits, pick) => `${pick.one(['+', '-', ' ', '0x', '_', ',', '.', '"'])}${digits}`,
  (digits, pick) => `${digits}${pick.one([' ', '\t', ',', ', ', '.0', 'e0', 'h', ';', '"', '_'])}`,
  (digits) => `${digits},${digits}`,
  (digits) => `${digits}, ${digits}`,
  (_, pick) => pick.one(NUMBERS),
];

const NUMBERS = [
  '',
  '0',
  '1',
  '2',
  '7fffffff',
  'ffffffff',
  '100000000',
  '4294967296',
  '9007199254740993',
  'fffffffffffff',
  'ffffffffffffffff',
  '10000000000000000',
  '18446744073709551616',
  '99999999999999999999999',
];

const TOKENS = [
  ' ',
  '  ',
  '\t',
  '\r\n',
  ':',
  ';',
  ',',
  '"',
  '/',
  '\\',
  '#',
  '?',
  '%',
  '*',
  '@',
  ';a=b',
  ';a="b;c"',
  '; a = b',
  'chunked',
  'close',
  'keep-alive',
  'HTTP/1.0',
  'HTTP/1.1',
  'http://b.test',
  '0\r\n\r\n',
  '5\r\nhello\r\n',
  'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n',
];

const FIELD_LINES = [
  'Host: a.test',
  'Content-Length: 0',
  'Content-Length: 5',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: chunked, chunked',
  'Connection: close',
  'Connection: keep-alive',
  'Connection: upgrade',
  'Connection: close, keep-alive',
  'Connection: foo, close',
  'Proxy-Connection: close',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'Expect: 100-continue',
  'TE: trailers',
  'Trailer: X-T',
  'X-Empty:',
  'X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
];

/** Most of the time next to a character that means something. */
function borderIn(text: string, pick: Picker): number {
  const border = pick.chance(0.85) ? pick.match(text, BORDER) : null;
  return border === null ? pick.below(text.length + 1) : border.index + pick.below(2);
}

const BORDER = /[\r\n :;,/=?"]/g;

function replaceAt(text: string, at: number, length: number, by: string): string {
  return text.slice(0, at) + by + text.slice(at + length);
}
