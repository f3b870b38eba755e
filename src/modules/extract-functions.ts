import { isFunction } from './is-function.ts';
import type { UserFunction } from './user-code.ts';

export interface ExtractedFunctions {
  /** The configuration as a document: plain data, with a reference where a function stood. */
  readonly document: unknown;
  /** By reference. */
  readonly functions: ReadonlyMap<string, UserFunction>;
}

/**
 * Takes the functions out of a configuration. `referenceAt` names the one at a JSON pointer. Throws a `TypeError` where
 * the configuration holds itself.
 */
export function extractFunctions(config: unknown, referenceAt: (pointer: string) => string): ExtractedFunctions {
  const functions = new Map<string, UserFunction>();
  const ancestors = new Set<object>();

  function plain(value: unknown, pointer: string, key: string): unknown {
    if (isFunction(value)) {
      const reference = referenceAt(pointer);
      functions.set(reference, value);
      // `{ function: f }` and `f` alone are two ways to say the same.
      return key === 'function' ? reference : { function: reference };
    }
    if (typeof value !== 'object' || value === null) return value;
    if (ancestors.has(value)) throw new TypeError(`the configuration holds itself at ${pointer}`);
    ancestors.add(value);
    const copy = Array.isArray(value)
      ? value.map((item, index) => plain(item, `${pointer}/${index}`, ''))
      : Object.fromEntries(
          Object.entries(value)
            // A field set to undefined is one that was left out.
            .filter(([, item]) => item !== undefined)
            .map(([name, item]) => [name, plain(item, `${pointer}/${escaped(name)}`, name)]),
        );
    ancestors.delete(value);
    return copy;
  }

  return { document: plain(config, '', ''), functions };
}

function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
