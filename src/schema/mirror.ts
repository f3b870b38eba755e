/** Copies for a shadow. */
import { Type } from 'typebox';
import type { Static } from 'typebox';

import { ConditionSchema } from './condition.ts';
import { formatted, timeout, limit, count, percent } from './fields.ts';
import { defaulted, strictObject } from './strict-object.ts';
import type { Complete } from './strict-object.ts';

/** Fields that an operator may withhold from a shadow: a list that is read by people. */
const REMOVED_FIELDS_MAX = 32;

export const MirrorSchema = strictObject(
  {
    pool: formatted('id', 'The pool that gets the copies.'),
    percent: defaulted(
      percent(
        'Share of what is copied: of the users whom `affinity` knows, who are others than those that a small share of the split ' +
          'gets and stay in it while it grows; of the requests of all others.',
      ),
      100,
    ),
    when: Type.Optional({
      ...ConditionSchema,
      description: 'Copy only requests that meet these conditions; `percent` is then a share of them.',
    }),
    unsafeMethods: defaulted(
      Type.Boolean({ description: 'Also copy methods that change state (POST, PUT, PATCH, DELETE, ...).' }),
      false,
    ),
    credentials: defaulted(
      Type.Enum(['keep', 'strip'], {
        description:
          'strip: copies go without Authorization, Cookie and the other fields by which servers commonly know a caller.',
      }),
      'keep',
    ),
    removeHeaders: defaulted(
      Type.Array(formatted('field-name', 'Header field name, lower case.'), {
        maxItems: REMOVED_FIELDS_MAX,
        uniqueItems: true,
        description: 'Further fields that copies go without.',
      }),
      [],
    ),
    concurrency: count(
      64,
      10_000,
      'Copies under way at once, divided among the workers, each part rounded up; above it a copy is dropped and counted.',
    ),
    bodyBytes: defaulted(
      formatted(
        'size',
        'A request whose body is longer is not copied; "0B": only those without one. A size such as "64KiB". ' +
          'All copies together hold no more than `concurrency` times as much.',
      ),
      '64KiB',
    ),
    answerBytes: limit('1MiB', 'An answer whose body is longer is not read to its end: its connection is closed.'),
    timeout: timeout('5s', 'A copy that takes longer is given up.'),
  },
  { title: 'Mirror', description: 'Copies of requests to a pool whose answers nobody sees.' },
);

export type MirrorDocument = Static<typeof MirrorSchema>;
export type MirrorConfig = Complete<typeof MirrorSchema>;
