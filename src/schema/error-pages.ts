/** What clients see of errors, in the operator's words. */
import { Type } from 'typebox';
import type { Static } from 'typebox';

import { formatted } from './fields.ts';
import { recordOf, strictObject } from './strict-object.ts';
import type { Complete } from './strict-object.ts';

/** Longest page, in characters: it is part of the routing that every worker holds. */
export const PAGE_CHARS_MAX = 65_536;
/** Statuses, and classes of them, that a service has pages for. */
const PAGES_MAX = 64;

/** What the text of a page begins with that is in a file. */
export const PAGE_FILE_PREFIX = 'file:';

const page = (what: string) =>
  Type.Optional(
    Type.String({
      description: `${what} Or "file:" and the path of a file with it, which counts from the folder of the configuration file.`,
      minLength: 1,
      maxLength: PAGE_CHARS_MAX,
    }),
  );

export const ErrorPageSchema = strictObject(
  { html: page('A page in HTML.'), json: page('The answer in JSON.'), text: page('The answer in plain text.') },
  {
    title: 'ErrorPage',
    description:
      'One error in one or several forms, of which the client gets what it prefers by Accept. Variables, escaped as the form needs it: ' +
      '{status}, {reason}, {detail}, {requestId}, {service}. Files are read with the configuration file, which alone can name them.',
  },
);

export const ErrorPagesSchema = recordOf(
  formatted('error-status', 'A status such as "503", or a class of them, "4xx" or "5xx", which it goes before.'),
  ErrorPageSchema,
  {
    maxProperties: PAGES_MAX,
    description: 'What the proxy says instead of its own words when it answers with such a status.',
  },
);

export type ErrorPageDocument = Static<typeof ErrorPageSchema>;
export type ErrorPageConfig = Complete<typeof ErrorPageSchema>;
