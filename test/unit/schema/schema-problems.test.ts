import { Type } from 'typebox';
import type { TSchema } from 'typebox';
import { expect, it } from 'vitest';

import { createAjv } from '../../../src/schema/ajv.ts';
import { schemaProblems } from '../../../src/schema/schema-problems.ts';
import { recordOf, strictObject } from '../../../src/schema/strict-object.ts';

const id = Type.String({ format: 'id' });

const CASES: readonly (readonly [what: string, schema: TSchema, value: unknown, path: string, message: string])[] = [
  [
    'unknown field',
    strictObject({ weight: Type.Integer() }),
    { weight: 1, wieght: 2 },
    '/wieght',
    'unknown field "wieght"; did you mean "weight"?',
  ],
  [
    'unknown field near none',
    strictObject({ a: Type.Optional(id), b: Type.Optional(id) }),
    { zone: 1 },
    '/zone',
    'unknown field "zone"; known are "a" and "b"',
  ],
  ['field with a slash', strictObject({}), { 'a/b~c': 1 }, '/a~1b~0c', 'unknown field "a/b~c"'],
  [
    'missing field',
    strictObject({ pool: Type.String({ description: 'The pool.' }) }),
    {},
    '/pool',
    'is missing: The pool.',
  ],
  ['wrong type', strictObject({ a: Type.Boolean() }), { a: 'yes' }, '/a', 'must be true or false; it is "yes"'],
  [
    'number for a text',
    strictObject({ a: Type.String() }),
    { a: 1.1 },
    '/a',
    'must be a string; it is 1.1 (put it in quotes)',
  ],
  ['nothing', Type.Object({}), null, '', 'must be an object; it is empty'],
  ['list for an object', Type.Object({}), [], '', 'must be an object; it is a list'],
  ['object for a text', Type.String(), {}, '', 'must be a string; it is an object'],
  ['number for a duration', Type.String({ format: 'timeout' }), 5, '', 'must be a duration such as "250ms"'],
  [
    'enum',
    Type.Enum(['round-robin', 'least-connections']),
    'round_robin',
    '',
    'must be "round-robin" or "least-connections"; it is "round_robin"; did you mean "round-robin"?',
  ],
  [
    'format',
    Type.String({ format: 'cidr' }),
    'office',
    '',
    'must be a CIDR block or an address, such as "10.0.0.0/8" or "2001:db8::/32"; it is "office"',
  ],
  ['range', Type.Integer({ minimum: 1, maximum: 9 }), 10, '', 'must be from 1 to 9; it is 10'],
  ['least', Type.Integer({ minimum: 1 }), 0, '', 'must be at least 1; it is 0'],
  ['most', Type.Integer({ maximum: 9 }), 10, '', 'must be at most 9; it is 10'],
  ['short text', Type.String({ minLength: 16 }), 'a', '', 'must have at least 16 characters'],
  ['long text', Type.String({ maxLength: 1 }), 'ab', '', 'must have at most 1 characters'],
  ['short list', Type.Array(id, { minItems: 1 }), [], '', 'must have at least 1 entry'],
  ['long list', Type.Array(id, { maxItems: 1 }), ['a', 'b'], '', 'must have at most 1 entries'],
  ['empty record', recordOf(id, id, { minProperties: 1 }), {}, '', 'must have at least 1 entry'],
  [
    'repeated entry',
    Type.Array(id, { uniqueItems: true }),
    ['a', 'b', 'a'],
    '',
    'has the same entry twice, at 0 and 2',
  ],
  ['name', recordOf(id, Type.Integer()), { Shop: 1 }, '/Shop', 'the name "Shop" must be 1 to 63 characters of a-z'],
  ['control characters', Type.String({ format: 'id' }), '\x1b[31m\n', '', 'it is "\\u001b[31m\\n"'],
];

it.each(CASES)('%s is said in words', (_, schema, value, path, message) => {
  const validate = createAjv({ fillDefaults: false, allErrors: true }).compile(schema);
  expect(validate(value)).toBe(false);
  expect(schemaProblems(validate.errors)).toMatchObject([{ path, message: expect.stringContaining(message) }]);
});

it('a long value is cut in the message', () => {
  const validate = createAjv({ fillDefaults: false, allErrors: true }).compile(id);
  validate('X'.repeat(10_000));
  expect(schemaProblems(validate.errors)[0]?.message.length).toBeLessThan(200);
});

it('a value that breaks several rules is one problem', () => {
  const schema = Type.String({ format: 'id', maxLength: 2, minLength: 9 });
  const validate = createAjv({ fillDefaults: false, allErrors: true }).compile(schema);
  validate('ABCD');
  expect(schemaProblems(validate.errors)).toHaveLength(1);
});

it('no errors are no problems', () => {
  expect(schemaProblems(null)).toEqual([]);
});
