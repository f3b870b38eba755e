/**
 * What rules look things up in, from the configuration and the files that it names. Only the primary reads files: workers are
 * sent what they come to, as a part of the routing.
 */
import { stat } from 'node:fs/promises';
import path from 'node:path';

import type { ConfigDocument } from '../../schema/config.ts';
import { type Problem, pointerOf } from '../../schema/problem.ts';
import { withDefaults } from '../../schema/with-defaults.ts';
import type { LookupSpec } from '../../snapshot/lookup-spec.ts';
import { readTextFile } from '../config/read-text-file.ts';
import { addressSetOf } from './address-set.ts';
import { jwtKeyOf } from './jwt-key.ts';
import { regionMapOf } from './region-map.ts';

/** Longest file, in bytes: 200,000 blocks need a third of it. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;

/** One address set, map or key, as the configuration says it. */
export interface LookupSource {
  /** JSON pointer into the configuration. */
  readonly at: string;
  /** Absolute; `null`: it has none. */
  readonly file: string | null;
  /** Made of what the file holds; "" where there is none. Says what is wrong with that. */
  readonly make: (text: string) => LookupSpec | { readonly problem: string };
}

export interface ReadLookup {
  readonly source: LookupSource;
  readonly spec: LookupSpec;
  /** What tells whether the file has changed since. */
  readonly mark: string;
}

/** All that a valid configuration names. `folder`: where relative paths count from. */
export function lookupSourcesOf(document: ConfigDocument, folder: string): LookupSource[] {
  const { addressSets, regions, jwtKeys } = withDefaults({ ...document, services: {} });
  const source = (at: string, { file }: { readonly file?: string }, make: LookupSource['make']): LookupSource => ({
    at,
    file: file === undefined ? null : path.resolve(folder, file),
    make,
  });
  return [
    ...Object.entries(addressSets).map(([name, set]) =>
      source(pointerOf('addressSets', name), set, (text) => addressSetOf(name, set, text)),
    ),
    ...Object.entries(regions).map(([name, map]) =>
      source(pointerOf('regions', name), map, (text) => regionMapOf(name, map, text)),
    ),
    ...Object.entries(jwtKeys).map(([name, key]) =>
      source(pointerOf('jwtKeys', name), key, (text) => jwtKeyOf(name, key, text)),
    ),
  ];
}

/** All of them, or everything that is wrong with their files. */
export async function readLookups(
  document: ConfigDocument,
  folder: string,
): Promise<{ readonly lookups: readonly ReadLookup[]; readonly problems: readonly Problem[] }> {
  const lookups: ReadLookup[] = [];
  const problems: Problem[] = [];
  for (const source of lookupSourcesOf(document, folder)) {
    const read = await readLookup(source);
    if ('problem' in read) problems.push(read.problem);
    else lookups.push(read);
  }
  return { lookups, problems };
}

export async function readLookup(source: LookupSource): Promise<ReadLookup | { readonly problem: Problem }> {
  const { at, file, make } = source;
  // Before it is read: what changes in between is then seen as a change.
  const mark = await markOf(source);
  const text = file === null ? '' : await readTextFile(file, FILE_BYTES_MAX);
  const spec = typeof text === 'string' ? make(text) : text;
  if (!('problem' in spec)) return { source, spec, mark };
  return { problem: { path: file === null ? at : `${at}/file`, message: spec.problem } };
}

/** "" where there is no file, or none that can be seen. */
export async function markOf({ file }: LookupSource): Promise<string> {
  if (file === null) return '';
  try {
    const { mtimeNs, size, ino } = await stat(file, { bigint: true });
    return `${mtimeNs} ${size} ${ino}`;
  } catch {
    return '';
  }
}
