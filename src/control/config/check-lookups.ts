import type { ConfigDocument } from '../../schema/config.ts';
import { type Problem, pointerOf } from '../../schema/problem.ts';

/** What a schema cannot see of address sets, maps of regions and keys of tokens. Their files are not looked at. */
export function checkLookups({ addressSets = {}, regions = {}, jwtKeys = {} }: ConfigDocument): Problem[] {
  const empty = (field: string, entries: object, wanted: string): Problem[] =>
    Object.entries(entries).flatMap(([name, entry]) =>
      Object.keys(entry as object).length > 0
        ? []
        : [{ path: pointerOf(field, name), message: `says nothing; give ${wanted}` }],
    );
  return [
    ...empty('addressSets', addressSets, '"cidrs", "file" or both'),
    ...empty('regions', regions, '"header", "ranges", "file" or several of them'),
    ...Object.entries(jwtKeys).flatMap(([name, { algorithm, secret, file }]): Problem[] => {
      const path = pointerOf('jwtKeys', name);
      if ((secret === undefined) === (file === undefined)) {
        return [{ path, message: 'needs exactly one of "secret" and "file"' }];
      }
      if (secret === undefined || algorithm === 'HS256') return [];
      return [{ path: `${path}/secret`, message: `is for HS256; ${algorithm} needs "file" with the public key` }];
    }),
  ];
}
