/*
 * What a client, a target or a certificate says ends up before an operator's eyes: in logs, in the audit, on terminals.
 * There it must be able to do nothing but be read: start no line of its own, colour or clear no terminal (ESC, C1), and
 * not change the order in which what stands around it is read (bidirectional controls, "Trojan Source").
 */

/**
 * Controls (C0, DEL, C1), line and paragraph separators, bidirectional controls, invisible characters, and halves of
 * characters that are none.
 */
const UNPRINTABLE =
  /[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** `text` on one line, as it can safely be shown, with "\u001b" for what cannot, and at most `charsMax` long. */
export function printable(text: string, charsMax: number): string {
  // Cut before and after: a megabyte need not be looked at, and escapes make it longer.
  const shown = text.slice(0, charsMax + 1).replace(UNPRINTABLE, escaped);
  return shown.length <= charsMax ? shown : `${shown.slice(0, Math.max(0, charsMax - 1))}…`;
}

/** The same JSON document on one line of a log, with every such character written as JSON's own escape. */
export function printableJson(line: string): string {
  const end = line.endsWith('\n') ? '\n' : '';
  return line.slice(0, line.length - end.length).replace(UNPRINTABLE, escaped) + end;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
