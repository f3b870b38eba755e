import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';

import type { Clock } from '../../base/clock.ts';
import { readGeneration } from './inspect-database.ts';
import type { StoreFiles } from './store-files.ts';

/**
 * How an operator gets going again from a store that cannot be opened, with `copy` if there is one. Going back undoes
 * changes that were acknowledged, and sends traffic where it went before them: a person has to want that, so no start
 * does it by itself.
 */
export function wayBack({ folder, database }: StoreFiles, copy: string, clock: Clock): string {
  const aside = `damaged-${new Date(clock.wallMs()).toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
  const name = path.basename(database);
  const isThere = readdirSync(folder).some((other) => other.startsWith(name));
  const steps = [`cd ${quoted(folder)}`, ...(isThere ? [`mkdir ${aside}`, `mv ${name}* ${aside}/`] : [])];
  const generation = readGeneration(copy);
  if (generation === null) {
    return `There is no copy to go back to. To begin anew from the configuration file alone: ${steps.join(' && ')}`;
  }
  const madeAt = statSync(copy).mtime.toISOString();
  return (
    `There is a copy of generation ${generation}, made ${madeAt}; every later change would be lost. ` +
    `To go back to it: ${[...steps, `cp ${path.basename(copy)} ${name}`].join(' && ')}`
  );
}

/** As one word of a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
