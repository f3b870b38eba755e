/** What a text of a request must be like: a plain text for exactly that one, or one comparison. */
import { Type } from 'typebox';
import type { TProperties } from 'typebox';

import { formatted } from './fields.ts';

/** Longest text that is compared with, in characters. */
const TEXT_CHARS_MAX = 1024;

const plain = (description: string) => Type.String({ description, minLength: 1, maxLength: TEXT_CHARS_MAX });

const exact = { exact: Type.String({ description: 'Exactly this.', maxLength: TEXT_CHARS_MAX }) };
const oneOf = {
  in: Type.Array(Type.String({ maxLength: TEXT_CHARS_MAX, description: 'A text.' }), {
    minItems: 1,
    maxItems: 1_000,
    description: 'Exactly one of these.',
  }),
};
const regex = {
  regex: formatted(
    'regex',
    "JavaScript's regular expressions without back-references, look-around and word borders; found anywhere unless " +
      'anchored by ^ and $; "(?i)" at the start ignores case. Takes time in proportion to the text, whatever the text.',
  ),
};

const valueFields = {
  ...exact,
  ...oneOf,
  prefix: plain('Begins with this.'),
  suffix: plain('Ends with this.'),
  contains: plain('Has this somewhere.'),
  glob: plain('The whole of it, where * stands for anything and ? for one character.'),
  ...regex,
  present: Type.Boolean({ description: 'Is there at all (false: is not).' }),
};

const pathFields = {
  exact: formatted('path-prefix', 'Exactly this path.'),
  in: Type.Array(formatted('path-prefix', 'A path.'), {
    minItems: 1,
    maxItems: 1_000,
    description: 'Exactly one of these paths.',
  }),
  prefix: formatted('path-prefix', 'This path, and all below it: "/api" is "/api" and "/api/x", not "/apix".'),
  glob: formatted(
    'path-glob',
    'The whole path, where * stands for anything within a segment, ** for anything, ? for one character.',
  ),
  ...regex,
};

/** One comparison; its kind is the name of its only field. */
export type TextMatchObject = {
  readonly [K in keyof typeof valueFields]?: K extends 'in'
    ? readonly string[]
    : K extends 'present'
      ? boolean
      : string;
};

export type TextMatchDocument = string | TextMatchObject;

function textOr(fields: TProperties, description: string, ofText: object) {
  return Type.Unsafe<TextMatchDocument>({
    type: ['string', 'object'],
    description,
    ...ofText,
    properties: fields,
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 1,
  });
}

export const ValueMatchSchema = textOr(valueFields, 'The exact value, or one comparison.', {
  maxLength: TEXT_CHARS_MAX,
});

export const PathMatchSchema = textOr(
  pathFields,
  'The exact path, or one comparison, with the path as it was sent, without its query: nothing is decoded.',
  { maxLength: TEXT_CHARS_MAX, format: 'path-prefix' },
);
