import type { ValidateFunction } from 'ajv';
import type { TSchema } from 'typebox';

import { createAjv } from './ajv.ts';
import type { Problem } from './problem.ts';
import { schemaProblems } from './schema-problems.ts';

/** Everything that is wrong with the form of a value; nothing: it is as it should be. */
export type FindProblems = (value: unknown) => Problem[];

/** One for all: each has to compile the schema of schemas anew, and none knows what another has compiled. */
const ajv = createAjv({ fillDefaults: false, allErrors: true });

/**
 * Holds values against a schema as it is: nothing is coerced, filled in or thrown away. The schema is compiled when the
 * first value comes. A process needs few of the schemas that there are, and compiling them all took longer than the rest
 * of its start. It is kept for as long as the process runs: this is for schemas that a module has.
 */
export function problemFinder(schema: TSchema): FindProblems {
  let validate: ValidateFunction | null = null;
  return (value) => {
    validate ??= ajv.compile(schema);
    return validate(value) ? [] : schemaProblems(validate.errors);
  };
}
