/** Copies for a shadow. */
import { Type } from 'typebox';
import type { Static } from 'typebox';

import { formatted, timeout, count, percent } from './fields.ts';
import { defaulted, strictObject } from './strict-object.ts';
import type { Complete } from './strict-object.ts';

export const MirrorSchema = strictObject(
  {
    pool: formatted('id', 'The pool that gets the copies.'),
    percent: defaulted(percent('Share of the requests that is copied.'), 100),
    unsafeMethods: defaulted(
      Type.Boolean({ description: 'Also copy methods that change state (POST, PUT, PATCH, DELETE, ...).' }),
      false,
    ),
    concurrency: count(64, 10_000, 'Copies under way at once; above it a copy is dropped and counted.'),
    bodyBytes: defaulted(
      formatted(
        'size',
        'A request whose body is longer is not copied; "0B": only those without one. A size such as "64KiB".',
      ),
      '64KiB',
    ),
    timeout: timeout('5s', 'A copy that takes longer is given up.'),
  },
  { title: 'Mirror', description: 'Copies of requests to a pool whose answers nobody sees.' },
);

export type MirrorDocument = Static<typeof MirrorSchema>;
export type MirrorConfig = Complete<typeof MirrorSchema>;
