import type { ErrorObject } from 'ajv';

import { closestName } from '../base/closest-name.ts';
import { FORMATS } from './formats.ts';
import type { Format } from './formats.ts';
import { pointerOf } from './problem.ts';
import type { Problem } from './problem.ts';

/** Longest piece of a wrong value that a message repeats, in characters. */
const QUOTED_CHARS_MAX = 60;

/** What Ajv found (with `verbose`), in words for an operator: one problem for each field at fault, in the order found. */
export function schemaProblems(errors: readonly ErrorObject[] | null | undefined): Problem[] {
  const byPath = new Map<string, Problem>();
  for (const error of errors ?? []) {
    const problem = problemOf(error);
    // A value of the wrong type or form often breaks several rules at once; the first says enough.
    if (problem !== null && !byPath.has(problem.path)) byPath.set(problem.path, problem);
  }
  return [...byPath.values()];
}

function problemOf(error: ErrorObject): Problem | null {
  const { keyword, instancePath, propertyName } = error;
  // `propertyNames` and `if` only say that one of their own errors was found, which is in the list too.
  if (keyword === 'propertyNames' || keyword === 'if') return null;
  if (propertyName !== undefined) {
    return {
      path: instancePath + pointerOf(propertyName),
      message: `the name ${quote(propertyName)} ${nameWords(error)}`,
      atKey: true,
    };
  }
  if (keyword === 'additionalProperties') return unknownField(error);
  if (keyword === 'required') {
    const field = String(paramOf(error, 'missingProperty'));
    return { path: instancePath + pointerOf(field), message: 'is missing' + hintOf(propertySchema(error, field)) };
  }
  return { path: instancePath, message: wordsOf(error) };
}

function unknownField(error: ErrorObject): Problem {
  const field = String(paramOf(error, 'additionalProperty'));
  const known = Object.keys(recordOrEmpty(error.parentSchema?.['properties']));
  const meant = closestName(field, known);
  const right = meant === null ? `known are ${listOf(known)}` : `did you mean "${meant}"?`;
  return {
    path: error.instancePath + pointerOf(field),
    message: `unknown field ${quote(field)}; ${right}`,
    atKey: true,
  };
}

/** What must hold for the value, seen from the one rule that it breaks. */
function wordsOf(error: ErrorObject): string {
  const schema = recordOrEmpty(error.parentSchema);
  const limit = paramOf(error, 'limit');
  switch (error.keyword) {
    case 'type':
      return typeWords(error, schema);
    case 'enum':
      return enumWords(error);
    case 'format':
      return formatWords(schema, error.data) + gotWords(error.data, schema);
    case 'minimum':
    case 'maximum':
      return rangeWords(schema) + gotWords(error.data, schema);
    case 'minLength':
      return `must have at least ${String(limit)} characters`;
    case 'maxLength':
      return `must have at most ${String(limit)} characters`;
    case 'minItems':
    case 'minProperties':
      return `must have at least ${String(limit)} ${limit === 1 ? 'entry' : 'entries'}`;
    case 'maxItems':
    case 'maxProperties':
      return `must have at most ${String(limit)} entries`;
    case 'uniqueItems':
      return `has the same entry twice, at ${String(paramOf(error, 'i'))} and ${String(paramOf(error, 'j'))}`;
    default:
      return error.message ?? `breaks the rule "${error.keyword}"`;
  }
}

/** A name is said before what is wrong with it, so that the value need not be said after. */
function nameWords(error: ErrorObject): string {
  return error.keyword === 'format' ? formatWords(recordOrEmpty(error.parentSchema), error.data) : wordsOf(error);
}

function typeWords(error: ErrorObject, schema: Readonly<Record<string, unknown>>): string {
  const format = schema['format'];
  const { data } = error;
  if (typeof format === 'string' && typeof data === 'number') {
    return `${formatWords(schema, String(data))}${gotWords(data, schema)}`;
  }
  const wanted = `must be ${typeNames(error.schema)}`;
  const quotes = error.schema === 'string' && (typeof data === 'number' || typeof data === 'boolean');
  return `${wanted}${gotWords(data, schema)}${quotes ? ' (put it in quotes)' : ''}`;
}

function enumWords(error: ErrorObject): string {
  const allowed = (paramOf(error, 'allowedValues') as readonly unknown[]).map(String);
  const meant = typeof error.data === 'string' ? closestName(error.data, allowed) : null;
  const words = `must be ${listOf(allowed, 'or')}${gotWords(error.data, recordOrEmpty(error.parentSchema))}`;
  return meant === null ? words : `${words}; did you mean "${meant}"?`;
}

function formatWords(schema: Readonly<Record<string, unknown>>, data: unknown): string {
  const name = String(schema['format']);
  if (name === 'percent') return 'must be a percentage from 0 to 100 with at most two decimals';
  const format = (FORMATS as Readonly<Record<string, Format>>)[name];
  // A number where a text was due may well read as one ("status: 200"): then its type alone is wrong.
  return format?.(String(data)) ?? `must be ${typeNames(schema['type'])}`;
}

function rangeWords(schema: Readonly<Record<string, unknown>>): string {
  const { minimum, maximum } = schema as { minimum?: number; maximum?: number };
  if (minimum === undefined) return `must be at most ${maximum}`;
  return maximum === undefined ? `must be at least ${minimum}` : `must be from ${minimum} to ${maximum}`;
}

/** Of a field that is only ever written (a secret), the value is repeated nowhere. */
function gotWords(data: unknown, schema: Readonly<Record<string, unknown>>): string {
  if (schema['writeOnly'] === true) return '';
  if (Array.isArray(data)) return '; it is a list';
  if (typeof data === 'object' && data !== null) return '; it is an object';
  if (data === null) return '; it is empty';
  return `; it is ${typeof data === 'string' ? quote(data) : String(data as number | boolean)}`;
}

function typeNames(type: unknown): string {
  const names: Readonly<Record<string, string>> = {
    array: 'a list',
    boolean: 'true or false',
    integer: 'a whole number',
    number: 'a number',
    object: 'an object',
    string: 'a string',
  };
  return [type]
    .flat()
    .map((name) => names[String(name)] ?? String(name))
    .join(' or ');
}

function hintOf(schema: Readonly<Record<string, unknown>>): string {
  const description = schema['description'];
  return typeof description === 'string' ? `: ${description}` : '';
}

function propertySchema(error: ErrorObject, field: string): Readonly<Record<string, unknown>> {
  return recordOrEmpty(recordOrEmpty(error.parentSchema?.['properties'])[field]);
}

function listOf(names: readonly string[], last = 'and'): string {
  const quoted = names.map((name) => `"${name}"`);
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} ${last} ${quoted.at(-1) ?? ''}`;
}

function paramOf(error: ErrorObject, name: string): unknown {
  return recordOrEmpty(error.params)[name];
}

function recordOrEmpty(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** In quotes and on one line, whatever characters it holds. */
function quote(text: string): string {
  return JSON.stringify(text.length <= QUOTED_CHARS_MAX ? text : `${text.slice(0, QUOTED_CHARS_MAX)}...`);
}
