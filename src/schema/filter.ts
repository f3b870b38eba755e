/** Functions of user code that see requests and responses on their way. */
import { Type } from 'typebox';
import type { Static } from 'typebox';

import { formatted } from './fields.ts';
import { strictObject } from './strict-object.ts';

/** A function that a document names. */
export const FunctionSchema = strictObject({
  function: formatted(
    'function',
    'File and export of a function, such as "./rules.ts#isTester"; a relative path counts from the configuration file.',
  ),
});

export const FilterSchema = strictObject(
  {
    onRequest: Type.Optional({
      ...FunctionSchema,
      description: 'Sees each request once its pool is chosen; may change it, or answer it.',
    }),
    onResponse: Type.Optional({
      ...FunctionSchema,
      description: 'Sees the head of each response; may change it.',
    }),
  },
  { title: 'Filter', description: 'User code that changes requests and responses: at least one of both functions.' },
);

export type FilterDocument = Static<typeof FilterSchema>;
