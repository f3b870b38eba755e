import { isSameJson } from '../state/canonical-json.ts';

type Json = unknown;

/**
 * The same OpenAPI document with every schema that has a title written once, below `components`, and named wherever it
 * is used: a tenth of the size, and client generators make one type of each.
 */
export function hoistSchemas(document: Readonly<Record<string, Json>>): Record<string, Json> {
  const schemas: Record<string, Json> = {};
  const paths = hoist(document['paths'], schemas);
  const components = { ...(document['components'] as object | undefined), schemas };
  return { ...document, paths, components };
}

function hoist(value: Json, schemas: Record<string, Json>): Json {
  if (Array.isArray(value)) return value.map((item) => hoist(item, schemas));
  if (value === null || typeof value !== 'object') return value;
  const inner = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, hoist(item, schemas)]));
  const { title } = inner;
  if (typeof title !== 'string' || !('type' in inner)) return inner;
  const known = schemas[title];
  // Two schemas of one title would be told apart by nobody: the second stays where it is.
  if (known !== undefined && !isSameJson(known, inner)) return inner;
  schemas[title] = inner;
  return { $ref: `#/components/schemas/${title}` };
}
