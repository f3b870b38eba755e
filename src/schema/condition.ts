/** What a rule asks of a request. All that stands beside each other must hold; `all`, `any` and `not` nest. */
import { Type } from 'typebox';
import type { Static } from 'typebox';

import { formatted } from './fields.ts';
import { recordOf, strictObject } from './strict-object.ts';
import { PathMatchSchema, ValueMatchSchema } from './text-match.ts';

/** Conditions inside of each other, the outermost counted. */
export const CONDITION_DEPTH_MAX = 8;

/** Conditions of one rule that hold others, or are held by them: a rule is read by people. */
export const CONDITIONS_MAX = 100;

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

const values = (description: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 1024, description: 'One of them.' }), {
    minItems: 1,
    maxItems: 1_000,
    description,
  });

export const RegionConditionSchema = strictObject(
  {
    map: formatted('id', 'Name of the map, from `regions`.'),
    in: values('Labels, one of which the map must give.'),
  },
  { title: 'RegionCondition', description: "The label that a map of regions gives the client's address." },
);

export const ClaimSourceSchema = strictObject(
  {
    key: formatted('id', 'Name of the key that the token must be signed with, from `jwtKeys`.'),
    claim: Type.String({
      minLength: 1,
      maxLength: 256,
      description: 'Name of a claim, or a JSON pointer to one ("/realm_access/roles").',
    }),
    cookie: Type.Optional(
      formatted('token', 'Cookie that holds the token; default: `Authorization: Bearer` of the request.'),
    ),
  },
  { title: 'ClaimSource', description: 'A claim of a JSON web token whose signature and times are checked.' },
);

export const UserGroupConditionSchema = strictObject(
  {
    header: Type.Optional(formatted('field-name', 'Header field that names the groups, separated by commas.')),
    cookie: Type.Optional(formatted('token', 'Cookie that names the group.')),
    jwt: Type.Optional(ClaimSourceSchema),
    in: values('Groups, one of which must be named.'),
  },
  { title: 'UserGroupCondition', description: "The user's group, by one of header, cookie or jwt." },
);

export const TimeConditionSchema = strictObject(
  {
    from: Type.Optional(formatted('timestamp', 'Not before this moment.')),
    to: Type.Optional(formatted('timestamp', 'Only before this moment.')),
    hours: Type.Optional(
      formatted('hours', 'Hours of the day, such as "09:00-17:00"; "22:00-06:00" goes on into the next day.'),
    ),
    days: Type.Optional(
      Type.Array(Type.Enum(WEEKDAYS, { description: 'A day.' }), {
        minItems: 1,
        maxItems: 7,
        uniqueItems: true,
        description: 'Days of the week; hours that go on into the next day belong to the day on which they began.',
      }),
    ),
    zone: Type.Optional(formatted('time-zone', 'Time zone of hours and days, such as "Europe/Berlin"; default: UTC.')),
  },
  { title: 'TimeCondition', description: "The time by the proxy's clock; all that is given must hold." },
);

const named = (key: ReturnType<typeof formatted>, description: string) =>
  Type.Optional(recordOf(key, ValueMatchSchema, { maxProperties: 16, description }));

const plainFields = {
  method: Type.Optional(
    Type.Array(Type.Enum(METHODS, { description: 'A method.' }), {
      minItems: 1,
      maxItems: METHODS.length,
      uniqueItems: true,
      description: 'Methods, one of which it must be.',
    }),
  ),
  path: Type.Optional(PathMatchSchema),
  headers: named(
    formatted('field-name', 'Header field name, lower case.'),
    'Header fields and what each must be; several lines of one field are joined by ", ".',
  ),
  cookies: named(formatted('token', 'Name of a cookie.'), 'Cookies and what each must be.'),
  query: named(
    Type.String({ minLength: 1, maxLength: 256, description: 'Name of a parameter.' }),
    'Parameters of the query, decoded, and what each must be; of several with one name the first counts.',
  ),
  clientIp: Type.Optional(
    Type.Array(formatted('cidr-or-name', 'A CIDR block, an address, or the name of an address set.'), {
      maxItems: 1_000,
      description: "Blocks and sets, one of which must hold the client's address; empty: any address.",
    }),
  ),
  region: Type.Optional(RegionConditionSchema),
  device: Type.Optional(
    Type.Enum(['mobile', 'desktop'], {
      description: 'What `Sec-CH-UA-Mobile` says; without it, whether `User-Agent` is of a mobile browser.',
    }),
  ),
  userGroup: Type.Optional(UserGroupConditionSchema),
  time: Type.Optional(TimeConditionSchema),
  function: Type.Optional(
    formatted(
      'function',
      'File and export of a function that says whether the rule matches, such as "./rules.ts#isTester". Asked last.',
    ),
  ),
};

export interface ConditionDocument extends Static<ReturnType<typeof plainObject>> {
  readonly all?: readonly ConditionDocument[];
  readonly any?: readonly ConditionDocument[];
  readonly not?: ConditionDocument;
}

function plainObject() {
  return strictObject(plainFields);
}

/** Looked into by `checkRules`, down to `CONDITION_DEPTH_MAX`. */
const nested = Type.Unsafe<ConditionDocument>({
  type: 'object',
  additionalProperties: true,
  description: 'Conditions, with the same fields as `when`.',
});
const nestedList = (description: string) =>
  Type.Optional(Type.Array(nested, { minItems: 1, maxItems: CONDITIONS_MAX, description }));

export const ConditionSchema = strictObject(
  {
    ...plainFields,
    all: nestedList('Conditions that must all hold.'),
    any: nestedList('Conditions of which one must hold.'),
    not: Type.Optional({ ...nested, description: 'Conditions that must not all hold.' }),
  },
  {
    title: 'Condition',
    description:
      'Conditions, at least one; all that stand beside each other must hold. `all`, `any` and `not` hold further ones, ' +
      `at most ${CONDITION_DEPTH_MAX} deep and ${CONDITIONS_MAX} in all.`,
  },
);
