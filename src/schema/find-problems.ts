import type { Ajv, ValidateFunction } from 'ajv';
import type { TSchema } from 'typebox';

import { createAjv } from './ajv.ts';
import type { Problem } from './problem.ts';
import { schemaProblems } from './schema-problems.ts';

/** Everything that is wrong with the form of a value; nothing: it is as it should be. */
export type FindProblems = (value: unknown) => Problem[];

/**
 * Holds values against a schema as it is: nothing is coerced, filled in or thrown away. The schema is compiled when the
 * first value comes. A process needs few of the schemas that there are, and compiling them all took longer than the rest
 * of its start.
 */
export function problemFinder(schema: TSchema, ajv?: Ajv): FindProblems {
  let validate: ValidateFunction | null = null;
  return (value) => {
    validate ??= (ajv ?? createAjv({ fillDefaults: false, allErrors: true })).compile(schema);
    return validate(value) ? [] : schemaProblems(validate.errors);
  };
}
