import { readFile } from 'node:fs/promises';
import { dirname, extname } from 'node:path';

import type { ConfigDocument } from '../../schema/config.ts';
import type { Problem } from '../../schema/problem.ts';
import type { UserModule } from '../../snapshot/data-plane.ts';
import { readLookups } from '../lookups/read-lookups.ts';
import { readCertificates } from '../tls/certificate-files.ts';
import { checkConfig } from './check-config.ts';
import { readDocument } from './document.ts';
import type { LocatedProblem } from './document.ts';
import { loadConfigModule } from './load-config-module.ts';
import { inlinePageFiles } from './page-files.ts';
import { MODULE_EXTENSIONS, resolveFunctions } from './user-modules.ts';

export type LoadedConfig =
  | {
      readonly config: ConfigDocument;
      /** User code that it names. */
      readonly modules: readonly UserModule[];
      readonly problems: readonly [];
    }
  | { readonly config: null; readonly problems: readonly LocatedProblem[] };

export type ParsedConfig =
  | { readonly config: ConfigDocument; readonly problems: readonly [] }
  | { readonly config: null; readonly problems: readonly LocatedProblem[] };

/** More than 10,000 services need; what is larger is some other file. */
const CONFIG_BYTES_MAX = 16 * 1024 * 1024;

/**
 * A configuration file with the user code that it names, or everything that is wrong with it. A file that cannot be read
 * is a problem like any other. A file that is itself a module is run, in a process of its own.
 */
export async function loadConfig(path: string): Promise<LoadedConfig> {
  if (MODULE_EXTENSIONS.has(extname(path))) {
    const loaded = await loadConfigModule(path);
    const problems = loaded.config === null ? loaded.problems : await fileProblems(loaded.config, path);
    return loaded.config === null || problems.length > 0 ? { config: null, problems: problems.map(atStart) } : loaded;
  }
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    return refuse(`cannot be read: ${reasonOf(error)}`);
  }
  if (bytes.length > CONFIG_BYTES_MAX)
    return refuse(`is longer than the ${CONFIG_BYTES_MAX} bytes that a configuration may have`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return refuse('is not text in UTF-8');
    throw error;
  }
  const read = readDocument(text);
  const pageProblems = read.isReadable ? await inlinePageFiles(read.value, dirname(path)) : [];
  const { config, problems } = checkDocument(read, pageProblems);
  if (config === null) return { config, problems };
  const resolved = await resolveFunctions(config, path);
  const wrong = resolved.config === null ? resolved.problems : await fileProblems(config, path);
  if (resolved.config !== null && wrong.length === 0) return resolved;
  const located = (problem: Problem) => (read.isReadable ? read.locate(problem) : atStart(problem));
  return { config: null, problems: wrong.map(located) };
}

/** What is wrong with the files of address sets and the like, and with certificates. */
async function fileProblems(config: ConfigDocument, path: string): Promise<readonly Problem[]> {
  const [lookups, certificates] = await Promise.all([
    readLookups(config, dirname(path)),
    readCertificates(config, dirname(path), Date.now()),
  ]);
  return [...lookups.problems, ...certificates.problems];
}

/** From the text of a file: YAML, of which JSON is a part. Functions that it names are left as they are. */
export function parseConfig(text: string): ParsedConfig {
  return checkDocument(readDocument(text), []);
}

/** `found`: what is known to be wrong with it besides. */
function checkDocument(document: ReturnType<typeof readDocument>, found: readonly Problem[]): ParsedConfig {
  if (!document.isReadable) return { config: null, problems: document.problems };
  const checked = checkConfig(document.value);
  const problems = [
    ...document.problems,
    ...[...found, ...checked.problems].map((problem) => document.locate(problem)),
  ];
  if (checked.config !== null && problems.length === 0) return { config: withoutSharing(checked.config), problems: [] };
  return { config: null, problems: problems.toSorted((a, b) => a.line - b.line || a.column - b.column) };
}

/** What two aliases of one anchor stand for are two things: a change of one must not change the other. */
function withoutSharing(config: ConfigDocument): ConfigDocument {
  return JSON.parse(JSON.stringify(config)) as ConfigDocument;
}

function refuse(message: string): { readonly config: null; readonly problems: readonly LocatedProblem[] } {
  return { config: null, problems: [atStart({ path: '', message })] };
}

/** Of a module it is not known where in its text a value came from. */
function atStart({ path, message }: Problem): LocatedProblem {
  return { path, line: 1, column: 1, message };
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
