import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BAD_SYNTAX, FieldSection, NEED_MORE, TOO_MANY_FIELDS } from '../../../../src/proxy/http1/field-section.ts';
import { ALIAS, FIELD, FORWARDED_OTHER } from '../../../../src/proxy/http1/fields.ts';

const FIELDS_MAX = 4;

function scan(text: string, fieldsMax = FIELDS_MAX): FieldSection | number {
  const section = new FieldSection(fieldsMax);
  const bytes = Buffer.from(`skipped${text}`, 'latin1');
  const end = section.scan(bytes, 7, bytes.length, 7);
  if (end < 0) return end;
  section.text = bytes.toString('latin1', 7, end);
  return section;
}

function fieldsOf(section: FieldSection | number): (readonly [string, string])[] | number {
  if (typeof section === 'number') return section;
  return Array.from({ length: section.count }, (_, i) => [section.name(i), section.value(i)] as const);
}

describe('a section of fields', () => {
  it.each<[string, string, [string, string][]]>([
    ['none', '\r\n', []],
    ['one', 'A: b\r\n\r\n', [['A', 'b']]],
    ['no space behind the colon', 'A:b\r\n\r\n', [['A', 'b']]],
    ['blank space around the value', 'A: \t b c \t\r\n\r\n', [['A', 'b c']]],
    [
      'an empty value',
      'A:\r\nB: \t\r\n\r\n',
      [
        ['A', ''],
        ['B', ''],
      ],
    ],
    ['colons in the value', 'A: b:c: d\r\n\r\n', [['A', 'b:c: d']]],
    ['bytes above ASCII in the value', 'A: \xe9\xff\x80\r\n\r\n', [['A', '\xe9\xff\x80']]],
    ['every character of a token', "!#$%&'*+-.^_`|~09azAZ: 1\r\n\r\n", [["!#$%&'*+-.^_`|~09azAZ", '1']]],
    [
      'the same name twice',
      'A: 1\r\na: 2\r\n\r\n',
      [
        ['A', '1'],
        ['a', '2'],
      ],
    ],
  ])('has %s', (_, text, fields) => {
    expect(fieldsOf(scan(`${text}behind`))).toEqual(fields);
  });

  it.each([
    ['a space before the colon', 'A : b\r\n\r\n'],
    ['a tab before the colon', 'A\t: b\r\n\r\n'],
    ['a space in front of the name', ' A: b\r\n\r\n'],
    ['a folded value', 'A: b\r\n c\r\n\r\n'],
    ['a folded value, by a tab', 'A: b\r\n\tc\r\n\r\n'],
    ['no colon', 'A\r\n\r\n'],
    ['no name', ': b\r\n\r\n'],
    ['a name that is no token', 'A(: b\r\n\r\n'],
    ['a name with bytes above ASCII', '\xe9: b\r\n\r\n'],
    ['a name with NUL', 'A\0: b\r\n\r\n'],
    ['LF for CRLF', 'A: b\nC: d\r\n\r\n'],
    ['CR for CRLF', 'A: b\rC: d\r\n\r\n'],
    ['CR CR LF', 'A: b\r\r\n\r\n'],
    ['LF at the end', 'A: b\r\n\n'],
    ['CR and something at the end', 'A: b\r\n\rx'],
    ['NUL in the value', 'A: b\0c\r\n\r\n'],
    ['a control character in the value', 'A: b\x01c\r\n\r\n'],
    ['a vertical tab in the value', 'A: b\vc\r\n\r\n'],
    ['DEL in the value', 'A: b\x7fc\r\n\r\n'],
  ])('is refused: %s', (_, text) => {
    expect(scan(text)).toBe(BAD_SYNTAX);
  });

  it('holds as many fields as it was made for', () => {
    expect(fieldsOf(scan(`${'A: b\r\n'.repeat(FIELDS_MAX)}\r\n`))).toHaveLength(FIELDS_MAX);
    expect(scan(`${'A: b\r\n'.repeat(FIELDS_MAX + 1)}\r\n`)).toBe(TOO_MANY_FIELDS);
  });

  it.each(['', 'A', 'A:', 'A: b', 'A: b\r', 'A: b\r\n', 'A: b\r\n\r', '\r'])('%j is waited for', (text) => {
    expect(scan(text)).toBe(NEED_MORE);
  });

  it('is used again without what was in it', () => {
    const section = scan('A: b\r\nConnection: close\r\n\r\n') as FieldSection;
    const bytes = Buffer.from('\r\n');
    expect(section.scan(bytes, 0, 2, 0)).toBe(2);
    section.text = '\r\n';
    expect(section.count).toBe(0);
    expect(section.find(FIELD.connection)).toBe(-1);
    expect(section.get('a')).toBeNull();
  });
});

describe('finding a field', () => {
  const section = scan('X-a: 1\r\ncOOKIE: a=1\r\nx-A: 2\r\nCookie: b=2\r\n\r\n') as FieldSection;

  it('by its number, in any case', () => {
    expect(section.find(FIELD.cookie)).toBe(1);
    expect(section.valueOf(FIELD.cookie)).toBe('a=1');
    expect(section.find(FIELD.host)).toBe(-1);
    expect(section.valueOf(FIELD.host)).toBe('');
  });

  it('by its name, all lines together', () => {
    expect(section.get('x-a')).toBe('1, 2');
    expect(section.get('cookie')).toBe('a=1, b=2');
    expect(section.get('x')).toBeNull();
    expect(section.get('x-ab')).toBeNull();
    expect(section.get('host')).toBeNull();
    expect(section.get('other')).toBeNull();
  });

  it.each([
    ['Content_Length', ALIAS],
    ['x_forwarded-for', ALIAS],
    ['X_Forwarded_Anything', ALIAS],
    ['HOST', FIELD.host],
    ['X-Forwarded-Anything', FORWARDED_OTHER],
    ['X_Other', FIELD.other],
    ['Hostt', FIELD.other],
    ['Hos', FIELD.other],
    ['H@st', BAD_SYNTAX],
  ])('%s has its number', (name, id) => {
    const found = scan(`${name}: 1\r\n\r\n`);
    expect(typeof found === 'number' ? found : found.ids[0]).toBe(id);
  });

  it('whether white space stands behind the value', () => {
    const spaced = scan('A: b\r\nA: b \r\nA: b\t\r\nA: \r\n\r\n') as FieldSection;
    expect([0, 1, 2, 3].map((index) => spaced.hasTrailingSpace(index))).toEqual([false, true, true, false]);
  });
});

describe('the canonical form', () => {
  it.each([
    ['A: b', 1],
    ['A: b c', 1],
    ['A:b', 0],
    ['A:  b', 0],
    ['A:\tb', 0],
    ['A: b ', 0],
    ['A: b\t', 0],
    ['A:', 0],
    ['A: ', 0],
  ])('%j: %i', (line, canonical) => {
    expect((scan(`${line}\r\n\r\n`) as FieldSection).canonical[0]).toBe(canonical);
  });

  it('says that a line can be copied: it is what would be written from its parts', () => {
    const part = fc.string({ unit: fc.constantFrom('a', 'B', '-', '_', ' ', '\t', ':', '\xe9', ','), maxLength: 6 });
    fc.assert(
      fc.property(part, part, (name, value) => {
        const text = `${name}:${value}\r\n\r\n`;
        const section = scan(text);
        if (typeof section === 'number') return;
        const written = `${section.name(0)}: ${section.value(0)}\r\n\r\n`;
        expect(section.canonical[0] === 1).toBe(written === text && section.value(0) !== '');
      }),
      { numRuns: 500 },
    );
  });
});
