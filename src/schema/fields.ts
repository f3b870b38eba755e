/** The building blocks of the schema: fields of one kind, with their format, their default and their bounds. */
import { Type } from 'typebox';
import type { TSchema } from 'typebox';

import type { FormatName } from './formats.ts';
import { defaulted } from './strict-object.ts';

/** Longest text that a free-form field may hold, in characters. */
const TEXT_CHARS_MAX = 256;

export const text = (description: string, options: TSchema = {}) =>
  Type.String({ description, maxLength: TEXT_CHARS_MAX, ...options });
export const formatted = (format: FormatName, description: string) =>
  Type.String({ format, description, maxLength: 1024 });
export const file = (description: string) => text(description, { minLength: 1, maxLength: 1024 });
export const timeout = (value: string, description: string) =>
  defaulted(formatted('timeout', `${description} A duration such as "30s".`), value);
export const limit = (value: string, description: string) =>
  defaulted(formatted('limit', `${description} A size such as "64KiB".`), value);
export const count = (value: number, maximum: number, description: string) =>
  defaulted(Type.Integer({ minimum: 1, maximum, description }), value);
export const percent = (description: string) => Type.Number({ format: 'percent', description });

export const IdSchema = formatted(
  'id',
  'A name: 1 to 63 characters of a-z, 0-9, ".", "_" and "-", the first a letter or digit.',
);
