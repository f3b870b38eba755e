/** What rules look things up in, named at the top of the configuration: address sets, maps of regions, keys of tokens. */
import { Type } from 'typebox';

import { file, formatted, IdSchema } from './fields.ts';
import { defaulted, recordOf, strictObject } from './strict-object.ts';
import type { Complete } from './strict-object.ts';

/** Address sets, region maps and keys, of each kind. */
const NAMES_MAX = 100;

const cidrs = (description: string) =>
  Type.Array(formatted('cidr', 'A CIDR block or an address.'), { maxItems: 10_000, description });

export const AddressSetSchema = strictObject(
  {
    cidrs: defaulted(cidrs('Blocks of the set.'), []),
    file: Type.Optional(
      file(
        'File with further blocks, one a line, "#" begins a comment. Read again when it changes; best replaced whole, by renaming a new one.',
      ),
    ),
  },
  { title: 'AddressSet', description: 'Addresses that rules name together.' },
);

export const RegionMapSchema = strictObject(
  {
    header: Type.Optional(
      formatted('field-name', 'Field in which a trusted proxy names the label; what others send in it does not count.'),
    ),
    ranges: defaulted(
      recordOf(Type.String({ minLength: 1, maxLength: 63, description: 'A label.' }), cidrs('Blocks of this label.'), {
        maxProperties: 1_000,
        description: 'Labels and their blocks; of nested blocks the innermost counts.',
      }),
      {},
    ),
    file: Type.Optional(
      file(
        'File with further blocks, one a line: block, space, label; "#" begins a comment. Read again when it changes.',
      ),
    ),
  },
  { title: 'RegionMap', description: 'Labels of addresses.' },
);

export const JwtKeySchema = strictObject(
  {
    algorithm: Type.Enum(['HS256', 'RS256', 'ES256'], {
      description: 'The only algorithm that a token may be signed with, whatever it says itself.',
    }),
    secret: Type.Optional(
      Type.String({
        minLength: 32,
        maxLength: 1024,
        writeOnly: true,
        description: 'The shared secret, for HS256.',
      }),
    ),
    file: Type.Optional(
      file('File with the public key, PEM or JWK; for HS256 the shared secret. Read again when it changes.'),
    ),
    issuer: Type.Optional(Type.String({ minLength: 1, maxLength: 1024, description: 'What `iss` must be.' })),
    audience: Type.Optional(
      Type.String({ minLength: 1, maxLength: 1024, description: 'What `aud` must be, or have among others.' }),
    ),
    leeway: defaulted(formatted('duration', 'How far clocks may be apart, for `exp` and `nbf`.'), '30s'),
  },
  { title: 'JwtKey', description: 'A key that JSON web tokens are checked with; by one of secret or file.' },
);

export const lookupFields = {
  addressSets: defaulted(
    recordOf(IdSchema, AddressSetSchema, { maxProperties: NAMES_MAX, description: 'Address sets by name.' }),
    {},
  ),
  regions: defaulted(
    recordOf(IdSchema, RegionMapSchema, { maxProperties: NAMES_MAX, description: 'Maps of regions by name.' }),
    {},
  ),
  jwtKeys: defaulted(
    recordOf(IdSchema, JwtKeySchema, { maxProperties: NAMES_MAX, description: 'Keys of tokens by name.' }),
    {},
  ),
};

export type AddressSetConfig = Complete<typeof AddressSetSchema>;
export type RegionMapConfig = Complete<typeof RegionMapSchema>;
export type JwtKeyConfig = Complete<typeof JwtKeySchema>;
