import path from 'node:path';

import { type Problem, pointerOf } from '../../schema/problem.ts';
import { PAGE_CHARS_MAX, PAGE_FILE_PREFIX } from '../../schema/error-pages.ts';
import { readTextFile } from './read-text-file.ts';

const FORMS = ['html', 'json', 'text'] as const;

/** UTF-8 needs at most three bytes for what is one character of a JavaScript string. */
const PAGE_BYTES_MAX = 3 * PAGE_CHARS_MAX;
const MOST = `${PAGE_CHARS_MAX} characters that a page may have`;

/**
 * Puts into `config`, which need not be valid, what the files of its error pages hold, in place of their names: only what
 * a configuration file names is ever read, and it is served from then on without the file. `folder`: where relative paths
 * count from.
 */
export async function inlinePageFiles(config: unknown, folder: string): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const [service, document] of entriesOf(entryOf(config, 'services'))) {
    for (const [status, page] of entriesOf(entryOf(document, 'errorPages'))) {
      for (const form of FORMS) {
        const text = entryOf(page, form);
        if (typeof text !== 'string' || !text.startsWith(PAGE_FILE_PREFIX)) continue;
        const name = text.slice(PAGE_FILE_PREFIX.length).trim();
        const read = await readTextFile(path.resolve(folder, name), PAGE_BYTES_MAX, MOST);
        if (typeof read === 'string') Object.assign(page as object, { [form]: read });
        else {
          // In its place stands what nothing is wrong with, so that it is told of once.
          Object.assign(page as object, { [form]: '""' });
          const at = pointerOf('services', service, 'errorPages', status, form);
          problems.push({ path: at, message: `${read.problem}: ${JSON.stringify(name)}` });
        }
      }
    }
  }
  return problems;
}

function entryOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}
