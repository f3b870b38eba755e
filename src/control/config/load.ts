import { readFile } from 'node:fs/promises';

import type { ConfigDocument } from '../../schema/config.ts';
import { checkConfig } from './check-config.ts';
import { readDocument } from './document.ts';
import type { LocatedProblem } from './document.ts';

export type LoadedConfig =
  | { readonly config: ConfigDocument; readonly problems: readonly [] }
  | { readonly config: null; readonly problems: readonly LocatedProblem[] };

/** More than 10,000 services need; what is larger is some other file. */
const CONFIG_BYTES_MAX = 16 * 1024 * 1024;

/** A configuration file, or everything that is wrong with it. A file that cannot be read is a problem like any other. */
export async function loadConfig(path: string): Promise<LoadedConfig> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    return refuse(`cannot be read: ${reasonOf(error)}`);
  }
  if (bytes.length > CONFIG_BYTES_MAX)
    return refuse(`is longer than the ${CONFIG_BYTES_MAX} bytes that a configuration may have`);
  try {
    return parseConfig(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    if (error instanceof TypeError) return refuse('is not text in UTF-8');
    throw error;
  }
}

/** As `loadConfig`, from the text of the file: YAML, of which JSON is a part. */
export function parseConfig(text: string): LoadedConfig {
  const document = readDocument(text);
  if (!document.isReadable) return { config: null, problems: document.problems };
  const checked = checkConfig(document.value);
  const problems = [...document.problems, ...checked.problems.map((problem) => document.locate(problem))];
  if (checked.config !== null && problems.length === 0) return { config: withoutSharing(checked.config), problems: [] };
  return { config: null, problems: problems.toSorted((a, b) => a.line - b.line || a.column - b.column) };
}

/** What two aliases of one anchor stand for are two things: a change of one must not change the other. */
function withoutSharing(config: ConfigDocument): ConfigDocument {
  return JSON.parse(JSON.stringify(config)) as ConfigDocument;
}

function refuse(message: string): LoadedConfig {
  return { config: null, problems: [{ path: '', line: 1, column: 1, message }] };
}

function reasonOf(error: unknown): string {
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'it may not be read by this user',
    EISDIR: 'it is a folder',
  };
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return reasons[code] ?? (error instanceof Error ? error.message : String(error));
}
