/** Rules: what is decided about some requests before the split decides about the rest. */
import { Type } from 'typebox';
import type { Static } from 'typebox';

import { ConditionSchema } from './condition.ts';
import { formatted } from './fields.ts';
import { defaulted, recordOf, strictObject } from './strict-object.ts';
import type { Complete } from './strict-object.ts';

/** Longest text that a rule may answer with, in characters: more is a page, and belongs to a server. */
const BODY_CHARS_MAX = 16_384;

/** Fields that one rule may set or remove. */
const FIELDS_MAX = 32;

const fieldRecord = (description: string) =>
  recordOf(
    formatted('field-name', 'Header field name, lower case.'),
    formatted('field-value', 'The value, as it is sent.'),
    { maxProperties: FIELDS_MAX, description },
  );

export const RedirectSchema = strictObject(
  {
    location: formatted(
      'location',
      'Where to: a path or an http or https URL, in which {scheme}, {host}, {path}, {query}, {uri} (path and query) and ' +
        '{rest} (the path behind the prefix of `when.path`) stand for those of the request.',
    ),
    status: defaulted(
      Type.Enum([301, 302, 303, 307, 308], { description: 'Permanent: 301, 308. With the same method: 307, 308.' }),
      302,
    ),
  },
  { title: 'Redirect', description: 'Answers with a redirect.' },
);

export const RespondSchema = strictObject(
  {
    status: Type.Integer({ minimum: 200, maximum: 599, description: 'Status of the answer.' }),
    body: defaulted(Type.String({ maxLength: BODY_CHARS_MAX, description: 'Body of the answer, sent in UTF-8.' }), ''),
    contentType: defaulted(formatted('field-value', 'Media type of the body.'), 'text/plain; charset=utf-8'),
    headers: defaulted(fieldRecord('Further header fields of the answer.'), {}),
  },
  { title: 'Respond', description: 'Answers by itself.' },
);

export const RewriteSchema = strictObject(
  {
    path: Type.Optional(
      formatted('path-template', 'Another path; {path} and {rest} stand for what they do in a redirect.'),
    ),
    stripPrefix: Type.Optional(
      formatted('path-prefix', 'Taken from the start of the path, where it stands there up to the end of a segment.'),
    ),
    addPrefix: Type.Optional(formatted('path-prefix', 'Put before the path, after `stripPrefix` was taken away.')),
    query: Type.Optional(
      Type.String({
        format: 'query',
        maxLength: 1024,
        description: 'Another query, without "?"; empty: none.',
      }),
    ),
    host: Type.Optional(
      formatted('host-header', 'Another Host for the target; X-Forwarded-Host keeps what was asked for.'),
    ),
    setHeaders: defaulted(fieldRecord('Fields that the target gets with these values.'), {}),
    removeHeaders: defaulted(
      Type.Array(formatted('field-name', 'Header field name, lower case.'), {
        maxItems: FIELDS_MAX,
        uniqueItems: true,
        description: 'Fields that the target does not get.',
      }),
      [],
    ),
  },
  {
    title: 'Rewrite',
    description:
      'What the target is asked for instead; the service, and its rules, are found by the request as it came.',
  },
);

export const RuleSchema = strictObject(
  {
    name: formatted('id', 'Name of the rule, unique in its service.'),
    when: ConditionSchema,
    pool: Type.Optional(formatted('id', 'The pool that matching requests go to; without it the split decides.')),
    redirect: Type.Optional(RedirectSchema),
    respond: Type.Optional(RespondSchema),
    rewrite: Type.Optional(RewriteSchema),
  },
  {
    title: 'Rule',
    description:
      'What becomes of matching requests: a pool, a rewrite or both; or a redirect; or an answer. The first rule that matches counts.',
  },
);

export type RuleDocument = Static<typeof RuleSchema>;
export type RuleConfig = Complete<typeof RuleSchema>;
