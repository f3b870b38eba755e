import { installed } from '../installed.ts';
import type { Load, LoadGenerator } from '../load.ts';
import { autocannon } from './autocannon.ts';
import { h2load } from './h2load.ts';
import { websocketLoad } from './own.ts';
import { wrk } from './wrk.ts';

export interface Generators {
  /** The best that can make such a load; `null` where none can. */
  for(load: Load): LoadGenerator | null;
  /** What is not installed, and what that means. */
  readonly missing: readonly string[];
}

/** autocannon comes with the packages here; the others are used where they are installed. */
export async function findGenerators(): Promise<Generators> {
  const [wrkPath, h2loadPath] = [await installed('wrk'), await installed('h2load')];
  const all = [...(wrkPath === null ? [] : [wrk(wrkPath)]), ...(h2loadPath === null ? [] : [h2load(h2loadPath)])];
  const generators: readonly LoadGenerator[] = [...all, websocketLoad, autocannon];
  return {
    for: (load) => generators.find((generator) => generator.suits(load)) ?? null,
    missing: [
      ...(wrkPath === null ? ['wrk is not installed: autocannon takes its place, which is slower'] : []),
      ...(h2loadPath === null ? ['h2load is not installed: nothing is asked by HTTP/2'] : []),
    ],
  };
}
