/** What is changed of messages on their way through: the path, header fields, and places that name a target. */
import { Type } from 'typebox';
import type { Static } from 'typebox';

import { formatted } from './fields.ts';
import { defaulted, recordOf, strictObject } from './strict-object.ts';
import type { Complete } from './strict-object.ts';

/** Fields that one direction may set, add or remove, each. */
const FIELDS_MAX = 64;
/** Further names of the targets. */
const NAMES_MAX = 100;

/** What tells attackers which program answers, and users nothing. */
export const HIDDEN_HEADERS = [
  'server',
  'x-aspnet-version',
  'x-aspnetmvc-version',
  'x-generator',
  'x-powered-by',
  'x-runtime',
] as const;

export const PathSchema = strictObject(
  {
    strip: Type.Optional(
      formatted(
        'path-prefix',
        'Taken from the start of the path before the target is asked; `match.pathPrefix` must begin with it.',
      ),
    ),
    add: Type.Optional(formatted('path-prefix', 'Put before the path, after `strip` was taken away.')),
  },
  {
    title: 'Path',
    description:
      'The path that targets are asked for. They hear of `strip` by X-Forwarded-Prefix; in what comes back, the change is undone.',
  },
);

export const ReverseSchema = strictObject(
  {
    locations: defaulted(
      Type.Boolean({
        description:
          'Rewrite Location, Content-Location and Refresh where they name a target of the service, or a path of its: to the scheme, ' +
          'host, port and path by which the client reaches it. A path that begins with `path.strip` is one of the client already.',
      }),
      true,
    ),
    cookies: defaulted(
      Type.Boolean({
        description:
          'Do the same with Domain and Path of Set-Cookie; a Domain becomes the host that the client asked for.',
      }),
      true,
    ),
    names: defaulted(
      Type.Array(formatted('host-header', 'A host, with its port unless that is 80 or 443.'), {
        maxItems: NAMES_MAX,
        uniqueItems: true,
        description: 'What targets call themselves besides the host and port in their URL.',
      }),
      [],
    ),
  },
  { title: 'Reverse', description: 'What of an answer is rewritten because it names a target.' },
);

export const HeaderEditsSchema = strictObject(
  {
    set: defaulted(fieldsByName('Fields that there are with this value alone.'), {}),
    add: defaulted(fieldsByName('Fields that there are with this value too.'), {}),
    remove: defaulted(fieldNames('Fields that there are not.'), []),
  },
  {
    title: 'HeaderEdits',
    description: 'Header fields of one direction. First some are removed, then others set and added.',
  },
);

export const HeadersSchema = strictObject(
  {
    hide: defaulted(fieldNames('Fields of answers that say what the targets run; empty: all pass.'), [
      ...HIDDEN_HEADERS,
    ]),
    request: defaulted(HeaderEditsSchema, {}),
    response: defaulted(HeaderEditsSchema, {}),
  },
  {
    title: 'Headers',
    description:
      'Header fields on their way: `request` to the targets, `response` from them to the client. Variables in values: {clientAddress}, ' +
      '{requestId}, {scheme}, {host}, {method}, {path}, {query}, {service}, {pool}, {version}, {generation}; in a response also {target}.',
  },
);

function fieldsByName(description: string) {
  return recordOf(
    formatted('field-name', 'Header field name, lower case.'),
    formatted('field-value', 'The value, in which {name} is a variable and "{{" a brace.'),
    { maxProperties: FIELDS_MAX, description },
  );
}

function fieldNames(description: string) {
  return Type.Array(formatted('field-name', 'Header field name, lower case.'), {
    maxItems: FIELDS_MAX,
    uniqueItems: true,
    description,
  });
}

export type PathDocument = Static<typeof PathSchema>;
export type HeadersDocument = Static<typeof HeadersSchema>;
export type HeaderEditsDocument = Static<typeof HeaderEditsSchema>;
export type HeaderEditsConfig = Complete<typeof HeaderEditsSchema>;
