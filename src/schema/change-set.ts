/** Several changes at once, and what became of them. */
import { Type } from 'typebox';
import type { Static } from 'typebox';

import { ReceiptSchema } from './api.ts';
import { IdSchema, text } from './fields.ts';
import { strictObject } from './strict-object.ts';

/** Most changes of one set: each is checked by itself, and nothing else is changed meanwhile. */
export const SET_CHANGES_MAX = 100;

/** Longest path of a change: the longest names that there are fit. */
const PATH_CHARS_MAX = 1_024;

/** Longest list of entity tags. */
const TAGS_CHARS_MAX = 1_024;

const conditions = (description: string) => text(description, { maxLength: TAGS_CHARS_MAX, minLength: 1 });

export const SetChangeSchema = strictObject(
  {
    method: Type.Enum(['PUT', 'PATCH', 'POST', 'DELETE'], {
      description: 'As in the call that makes this change alone.',
    }),
    path: text('As in the call that makes this change alone, such as "/v1/services/shop/split".', {
      minLength: 1,
      maxLength: PATH_CHARS_MAX,
    }),
    body: Type.Optional(Type.Unsafe<unknown>({ description: 'As in the call that makes this change alone.' })),
    ifMatch: Type.Optional(
      conditions(
        'As If-Match: the change, and with it the set, is refused unless this is its ETag. It is compared with what is there ' +
          'before the set, not with what changes before it in the set have made of it.',
      ),
    ),
    ifNoneMatch: Type.Optional(conditions('As If-None-Match; "*": only where there was none before the set.')),
  },
  { title: 'SetChange', description: 'One change, said as the call that makes it alone.' },
);

export const ChangeSetSchema = strictObject(
  {
    changes: Type.Array(SetChangeSchema, {
      minItems: 1,
      maxItems: SET_CHANGES_MAX,
      description: 'In order: each is seen from the state that those before it leave.',
    }),
    dryRun: Type.Optional(
      Type.Boolean({ description: 'Change nothing; answer what would change, or refuse as the real one would.' }),
    ),
  },
  { title: 'ChangeSet', description: 'Several changes, of which all are made at once, or none.' },
);

const value = (description: string) => Type.Unsafe<unknown>({ description });

export const ChangeSetAnswerSchema = strictObject(
  {
    dryRun: Type.Boolean({ description: 'Whether nothing was changed.' }),
    generation: ReceiptSchema.properties.generation,
    services: Type.Array(
      strictObject(
        {
          service: IdSchema,
          differences: Type.Array(
            strictObject(
              {
                pointer: Type.String({ description: 'JSON pointer into the service; "" is the whole of it.' }),
                before: value('The value before; null: there was none.'),
                after: value('The value after; null: there is none.'),
              },
              { title: 'Difference', description: 'One value that differs.' },
            ),
            { description: 'What differs. A secret that was replaced by another is not shown.' },
          ),
        },
        { title: 'ServiceDifference', description: 'One service that differs.' },
      ),
      { description: 'Each service that differs.' },
    ),
    receipts: Type.Array(ReceiptSchema, {
      description: 'One for each change of traffic, in the order of the set; none of a dry run.',
    }),
  },
  { title: 'ChangeSetAnswer', description: 'What a set of changes did, or would do.' },
);

export type SetChange = Static<typeof SetChangeSchema>;
export type ChangeSet = Static<typeof ChangeSetSchema>;
export type ChangeSetAnswer = Static<typeof ChangeSetAnswerSchema>;
