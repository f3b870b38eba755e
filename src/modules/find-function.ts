import { closestName } from '../base/closest-name.ts';
import { isFunction } from './is-function.ts';
import type { UserFunction } from './user-code.ts';

/** A function of a module's exports by its name or pointer, or what is wrong with that name. */
export function findFunction(
  exports: Readonly<Record<string, unknown>>,
  name: string,
): UserFunction | { readonly problem: string } {
  const value = name.startsWith('/') ? valueAt(exports['default'], name) : own(exports, name);
  if (isFunction(value)) return value;
  if (value !== undefined) return { problem: `"${name}" is not a function` };
  if (name.startsWith('/')) return { problem: `its default export has nothing at ${name}` };
  const known = Object.keys(exports).filter((key) => isFunction(exports[key]));
  const meant = closestName(name, known);
  if (meant !== null) return { problem: `it exports no "${name}"; did you mean "${meant}"?` };
  const list = known.map((key) => `"${key}"`).join(', ');
  return { problem: `it exports no "${name}"; ${list === '' ? 'it exports no function at all' : `there are ${list}`}` };
}

function valueAt(root: unknown, pointer: string): unknown {
  let value = root;
  for (const part of pointer.split('/').slice(1)) {
    value = own(value, part.replaceAll('~1', '/').replaceAll('~0', '~'));
  }
  return value;
}

function own(value: unknown, key: string): unknown {
  const isThere = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
  return isThere ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
}
