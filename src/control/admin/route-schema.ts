import { Type } from 'typebox';
import type { TSchema } from 'typebox';

import { ProblemSchema } from '../../schema/api.ts';
import { strictObject } from '../../schema/strict-object.ts';
import { PROBLEM_MEDIA_TYPE } from './problem-reply.ts';

/** Names that a path may carry. Those that do not exist are found out where they are looked up. */
const PATH_PARTS = {
  service: Type.String({ description: 'Name of the service.' }),
  pool: Type.String({ description: 'Name of the pool.' }),
  target: Type.String({ description: 'The target, as "host:port".' }),
  id: Type.String({ description: 'Id of the receipt.' }),
  n: Type.String({ description: 'Number of the generation.' }),
} as const;

type PathPart = keyof typeof PATH_PARTS;

/** Names that a path may give to something new. */
const NEW_NAMES = {
  service: Type.String({ format: 'id', description: 'Name of the service.' }),
  pool: Type.String({ format: 'id', description: 'Name of the pool.' }),
} as const;

export function pathOf(...parts: readonly PathPart[]): TSchema {
  return strictObject(Object.fromEntries(parts.map((part) => [part, PATH_PARTS[part]])));
}

/** As `pathOf`, where the last part may be new. */
export function pathToNew(...parts: readonly (keyof typeof NEW_NAMES)[]): TSchema {
  return strictObject(Object.fromEntries(parts.map((part) => [part, NEW_NAMES[part]])));
}

/** The answers of a route for /openapi.json: those given, and problems. */
export function answers(given: Readonly<Record<number, TSchema>>): Record<string, unknown> {
  const problem = {
    description: 'A problem; nothing was changed.',
    content: { [PROBLEM_MEDIA_TYPE]: { schema: ProblemSchema } },
  };
  return { ...given, '4xx': problem, '5xx': problem };
}

/** What the body of a PATCH may say that it is. */
export const PATCH_MEDIA_TYPES: readonly string[] = ['application/merge-patch+json', 'application/json'];

/** An answer without a body. */
export const NO_BODY = Type.Null({ description: 'Done.' });

/** An answer that is no JSON. */
export function textAnswer(mediaType: string, description: string): TSchema {
  return { description, content: { [mediaType]: { schema: { type: 'string', description } } } } as TSchema;
}

const DESCRIPTION_OF_CONDITIONS = 'Entity tags, or "*"; the request is refused (412) where they do not hold.';

/** Fields that requests may carry, by what they are for. */
export const CHANGE_HEADERS = {
  type: 'object',
  properties: {
    'if-match': { type: 'string', description: DESCRIPTION_OF_CONDITIONS },
    'if-none-match': { type: 'string', description: '"*": only where there is none yet; refused (412) otherwise.' },
  },
} as const;

export const ONCE_HEADERS = {
  type: 'object',
  properties: {
    ...CHANGE_HEADERS.properties,
    'idempotency-key': {
      type: 'string',
      description: 'The same key and body give the same answer, and the change is made once. Good for 24 hours.',
    },
    prefer: { type: 'string', description: '"wait=N": hold the answer until the drain has ended, at most N seconds.' },
  },
} as const;

export const WAIT_HEADERS = {
  type: 'object',
  properties: { prefer: ONCE_HEADERS.properties.prefer },
} as const;

export const READ_HEADERS = {
  type: 'object',
  properties: { 'if-none-match': { type: 'string', description: 'Entity tags that the client has; then 304.' } },
} as const;
