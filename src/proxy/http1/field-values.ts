/** Values of the few fields that frame a message, read without any of the leniency of `Number` and `parseInt`. */

/** Above 2^53 a length cannot be counted exactly; fifteen digits stay below. */
const LENGTH_DIGITS_MAX = 15;

/** 1*DIGIT (RFC 9110 section 8.6), or -1. */
export function parseContentLength(value: string): number {
  if (value.length === 0 || value.length > LENGTH_DIGITS_MAX) {
    return -1;
  }
  let length = 0;
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) {
      return -1;
    }
    length = length * 10 + digit;
  }
  return length;
}

/** Whether a Transfer-Encoding value is the single coding "chunked", in any case. */
export function isChunked(value: string): boolean {
  return value.length === 7 && (value === 'chunked' || value.toLowerCase() === 'chunked');
}

/** What was said by Connection so far, in lower case, and one line more. */
export function joinedConnection(before: string, value: string): string {
  // What nearly every message says, if anything.
  const lower = value === 'keep-alive' || value === 'close' ? value : value.toLowerCase();
  return before === '' ? lower : `${before}, ${lower}`;
}

/** Whether a comma-separated list, already in lower case, holds `token` as an element of its own. */
export function listHas(list: string, token: string): boolean {
  if (list === token) {
    return true;
  }
  let from = list.indexOf(token);
  while (from >= 0) {
    const to = from + token.length;
    if (isElementBorder(list, from - 1, -1) && isElementBorder(list, to, 1)) {
      return true;
    }
    from = list.indexOf(token, to);
  }
  return false;
}

/** The elements of a comma-separated list. Where many are asked for: a list and a head may both be long. */
export function listElements(list: string): ReadonlySet<string> {
  const elements = new Set<string>();
  for (let from = 0; from < list.length;) {
    const comma = list.indexOf(',', from);
    const to = comma < 0 ? list.length : comma;
    elements.add(withoutPadding(list, from, to));
    from = to + 1;
  }
  return elements;
}

/** Only SP and TAB are optional white space (RFC 9110 section 5.6.3); `trim` knows more. */
function withoutPadding(text: string, from: number, to: number): string {
  let [start, end] = [from, to];
  while (start < end && (text.charCodeAt(start) === 0x20 || text.charCodeAt(start) === 0x09)) {
    start++;
  }
  while (end > start && (text.charCodeAt(end - 1) === 0x20 || text.charCodeAt(end - 1) === 0x09)) {
    end--;
  }
  return text.substring(start, end);
}

function isElementBorder(list: string, at: number, step: number): boolean {
  let index = at;
  while (list.charCodeAt(index) === 0x20 || list.charCodeAt(index) === 0x09) {
    index += step;
  }
  return index < 0 || index >= list.length || list.charCodeAt(index) === 0x2c;
}
