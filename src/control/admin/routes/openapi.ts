import type { Routes } from '../admin-context.ts';
import { hoistSchemas } from '../hoist-schemas.ts';

/** The role that a call takes (control/admin/access-table.ts). */
export const ROLE_FIELD = 'x-cutover-role';

/** Marks, until the document is written, an operation whose body may be left out. */
export const BODY_OPTIONAL_FIELD = 'x-body-optional';

export const openapiRoutes: Routes = (app) => {
  let text: string | null = null;
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    // Made when it is first asked for: all routes are known by then.
    text ??= JSON.stringify(withOptionalBodies(hoistSchemas({ ...app.swagger() })));
    await reply.type('application/json').send(text);
  });
};

type Operation = Readonly<Record<string, unknown>>;

/** The framework calls every body that has a schema required. */
function withOptionalBodies(document: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const paths = document['paths'] as Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  return { ...document, paths: mapValues(paths, (methods) => mapValues(methods, withOptionalBody)) };
}

function withOptionalBody(operation: Operation): Operation {
  const { [BODY_OPTIONAL_FIELD]: isBodyOptional, ...rest } = operation;
  if (isBodyOptional !== true || rest['requestBody'] === undefined) return rest;
  return { ...rest, requestBody: { ...(rest['requestBody'] as object), required: false } };
}

function mapValues<T>(record: Readonly<Record<string, T>>, change: (value: T) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
