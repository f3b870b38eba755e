import { Type } from 'typebox';
import type { Static, TObject, TObjectOptions, TProperties, TSchema, TUnsafe } from 'typebox';

/** An object that refuses fields it does not know: a misspelt setting must not be an ignored one. */
export function strictObject<P extends TProperties>(properties: P, options: TObjectOptions = {}): TObject<P> {
  return Type.Object(properties, { ...options, additionalProperties: false });
}

/** Things by name: every key matches `key`, every value `value`. */
export function recordOf<V extends TSchema>(key: TSchema, value: V, options: TSchema = {}): TRecordOf<V> {
  return {
    ...Type.Unsafe<Record<string, Static<V>>>({
      type: 'object',
      propertyNames: key,
      additionalProperties: value,
      ...options,
    }),
    additionalProperties: value,
  };
}

export type TRecordOf<V extends TSchema> = TUnsafe<Record<string, Static<V>>> & { additionalProperties: V };

/** One of some names, or an object where a name does not say enough. */
export function nameOr<N extends TSchema, O extends TSchema>(name: N, object: O, options: TSchema): TNameOr<N, O> {
  const schema = Type.Unsafe<Static<N> | Static<O>>({ if: { type: 'string' }, ...options });
  // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema, and nobody awaits a schema
  return { ...schema, then: name, else: object };
}

export type TNameOr<N extends TSchema, O extends TSchema> = TUnsafe<Static<N> | Static<O>> & { then: N; else: O };

/** A field that may be left out, and what it then is. */
export function defaulted<T extends TSchema>(schema: T, value: Static<T>): TDefaulted<T> {
  return Type.Optional({ ...schema, default: value }) as unknown as TDefaulted<T>;
}

export type TDefaulted<T extends TSchema> = T & { '~optional': true; default: Static<T> };

/** What a document of the schema is once its defaults are filled in: as `Static`, but defaulted fields are always there. */
export type Complete<S> =
  S extends TNameOr<infer N, infer O>
    ? Complete<N> | Complete<O>
    : S extends TRecordOf<infer V>
      ? Readonly<Record<string, Complete<V>>>
      : S extends TObject<infer P>
        ? CompleteObject<P>
        : S extends { '~kind': 'Array'; items: infer I }
          ? readonly Complete<I>[]
          : S extends TSchema
            ? Static<S>
            : never;

type CompleteObject<P extends TProperties> = {
  readonly [K in keyof P as K extends AbsentKeys<P> ? never : K]: Complete<P[K]>;
} & {
  readonly [K in AbsentKeys<P>]?: Complete<P[K]>;
};

/** The fields that are optional and have no default. */
type AbsentKeys<P extends TProperties> = {
  [K in keyof P]: P[K] extends { '~optional': true } ? (P[K] extends { default: unknown } ? never : K) : never;
}[keyof P];
