import type { UserFunction } from './user-code.ts';

export function isFunction(value: unknown): value is UserFunction {
  return typeof value === 'function';
}
