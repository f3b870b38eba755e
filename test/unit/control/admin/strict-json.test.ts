import { describe, expect, it } from 'vitest';

import { JSON_DEPTH_MAX, parseStrictJson } from '../../../../src/control/admin/strict-json.ts';

const parse = (text: string): unknown => parseStrictJson(Buffer.from(text));

describe('strict JSON', () => {
  it.each([
    '{"a":[1,{"b":"x,y:{}[]\\"z"}],"c":null}',
    ' [ ] ',
    '"text"',
    '{"a":{"k":1},"b":{"k":2}}',
    '[{"k":1},{"k":2}]',
    '{"\\\\":1,"\\"":2}',
  ])('reads %s as JSON.parse does', (text) => {
    expect(parse(text)).toEqual(JSON.parse(text));
  });

  const refused: readonly [name: string, text: string, pointer: string][] = [
    ['a key twice', '{"a":1,"b":2,"a":3}', '/a'],
    ['a key twice, once escaped', '{"a":1,"\\u0061":2}', '/a'],
    ['a key twice further in', '{"x":[0,{"y":1,"y":2}]}', '/x/1/y'],
    ['__proto__', '{"a":{"__proto__":{}}}', '/a/__proto__'],
    ['__proto__ escaped', '{"\\u005f_proto__":1}', '/__proto__'],
    ['constructor', '{"constructor":1}', '/constructor'],
  ];
  it.each(refused)('refuses %s, and says where', (_name, text, path) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({ code: 'malformed-body', problems: [expect.objectContaining({ path })] }),
    );
  });

  it('takes the deepest nesting, and refuses one level more', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect(parse(nested(JSON_DEPTH_MAX))).toBeInstanceOf(Array);
    expect(() => parse(nested(JSON_DEPTH_MAX + 1))).toThrow(expect.objectContaining({ code: 'malformed-body' }));
  });

  it.each(['', '  ', '{', '{"a":1,}', "{'a':1}", '{"a":NaN}', '{}{}', '// x\n{}', '\u{feff}x'])(
    'refuses %j',
    (text) => {
      expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'malformed-body' }));
    },
  );

  it('refuses bytes that are not UTF-8', () => {
    expect(() => parseStrictJson(Buffer.from([0x22, 0xff, 0x22]))).toThrow('UTF-8');
  });
});
