/** Finds the files with user code that a configuration names, and reads each of them once. */
import { readFile } from 'node:fs/promises';
import { dirname, extname, isAbsolute, resolve } from 'node:path';

import { formatReference, INLINE, moduleId, parseReference, versionOf } from '../../base/function-reference.ts';
import type { ConfigDocument } from '../../schema/config.ts';
import { mapFunctions, type MapReference } from '../../schema/function-fields.ts';
import { type Problem, pointerOf } from '../../schema/problem.ts';
import type { UserModule } from '../../snapshot/data-plane.ts';
import { inspectModules } from './inspect-modules.ts';

/** More than a module that is written by hand has. */
const MODULE_BYTES_MAX = 1024 * 1024;

/** Files that are taken for modules. */
export const MODULE_EXTENSIONS: ReadonlySet<string> = new Set(['.ts', '.mts', '.js', '.mjs']);

export type ResolvedConfig =
  | { readonly config: ConfigDocument; readonly modules: readonly UserModule[]; readonly problems: readonly [] }
  | { readonly config: null; readonly problems: readonly Problem[] };

/**
 * The configuration with every reference made absolute and given the version of what stands in its file now, and the
 * modules that it names, each of them read and tried. `configModule` is the configuration file itself, where it is one.
 */
export async function resolveFunctions(
  config: ConfigDocument,
  configFile: string,
  configModule: UserModule | null = null,
): Promise<ResolvedConfig> {
  const uses = usesOf(config, dirname(resolve(configFile)));
  if (uses.length === 0) return { config, modules: [], problems: [] };
  const read = await readModules(uses, configModule);
  const modules = [...read.values()].filter((module) => typeof module !== 'string');
  const problems = [...unreadable(uses, read), ...(await untried(modules, uses, configModule))];
  if (problems.length > 0) return { config: null, problems };
  const versions = new Map(modules.map(({ file, version }) => [file, version]));
  const resolved = mapAll(config, (reference) => {
    if (isInline(reference)) return reference;
    const use = absolute(reference, dirname(resolve(configFile)));
    return formatReference({ ...use, version: versions.get(use.file) ?? '' });
  });
  return { config: resolved, modules, problems: [] };
}

/** One place that names a function. */
interface Use {
  readonly path: string;
  readonly file: string;
  readonly name: string;
}

function usesOf(config: ConfigDocument, folder: string): Use[] {
  const uses: Use[] = [];
  mapAll(config, (reference, path) => {
    if (isInline(reference)) return reference;
    uses.push({ ...absolute(reference, folder), path });
    return reference;
  });
  return uses;
}

function mapAll(config: ConfigDocument, map: MapReference): ConfigDocument {
  const services = Object.entries(config.services ?? {}).map(([name, service]) => {
    const base = pointerOf('services', name);
    return [name, mapFunctions(service, (reference, pointer) => map(reference, base + pointer))] as const;
  });
  return config.services === undefined ? config : { ...config, services: Object.fromEntries(services) };
}

function absolute(reference: string, folder: string): { file: string; name: string } {
  const { file = '', name = '' } = parseReference(reference) ?? {};
  return { file: isAbsolute(file) ? file : resolve(folder, file), name };
}

/** Of a function that was handed over in memory there is no file to read. */
function isInline(reference: string): boolean {
  return parseReference(reference)?.file === INLINE;
}

/** By file; a text says why it cannot be read. */
async function readModules(
  uses: readonly Use[],
  configModule: UserModule | null,
): Promise<Map<string, UserModule | string>> {
  const names = Map.groupBy(uses, ({ file }) => file);
  const read = [...names].map(async ([file, of]) => {
    const functions = [...new Set(of.map(({ name }) => name))];
    if (file === configModule?.file) return [file, { ...configModule, functions }] as const;
    return [file, await readModule(file, functions)] as const;
  });
  return new Map(await Promise.all(read));
}

/** The module in a file, or why there is none. */
export async function readModule(file: string, functions: readonly string[]): Promise<UserModule | string> {
  if (!MODULE_EXTENSIONS.has(extname(file))) return 'is no module: its name must end in .ts, .mts, .js or .mjs';
  try {
    const bytes = await readFile(file);
    if (bytes.length > MODULE_BYTES_MAX) return `is longer than the ${MODULE_BYTES_MAX} bytes that a module may have`;
    const source = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { file, version: versionOf(source), source, functions };
  } catch (error) {
    if (error instanceof TypeError) return 'is not text in UTF-8';
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? 'cannot be read: there is no such file' : `cannot be read: ${message}`;
  }
}

function unreadable(uses: readonly Use[], read: ReadonlyMap<string, UserModule | string>): Problem[] {
  return uses.flatMap(({ file, path }) => {
    const module = read.get(file);
    return typeof module === 'string' ? [{ path, message: `${file} ${module}` }] : [];
  });
}

/** What is wrong with the modules. A configuration module was run to get the configuration: it is not run again. */
async function untried(
  modules: readonly UserModule[],
  uses: readonly Use[],
  configModule: UserModule | null,
): Promise<Problem[]> {
  const others = modules.filter(({ file }) => file !== configModule?.file);
  const files = new Set(others.map(({ file }) => file));
  if (others.length === 0) return [];
  let problems: ReadonlyMap<string, string>;
  try {
    const inspected = await inspectModules({ kind: 'modules', modules: others });
    problems = new Map(inspected.problems.map(({ reference, message }) => [reference, message]));
  } catch (error) {
    const message = `${[...files].join(' or ')} ${(error as Error).message}`;
    return uses.filter(({ file }) => files.has(file)).map(({ path }) => ({ path, message }));
  }
  return uses.flatMap(({ file, name, path }) => {
    const version = others.find((module) => module.file === file)?.version ?? '';
    const message = problems.get(`${moduleId(file, version)}#${name}`);
    return message === undefined ? [] : [{ path, message }];
  });
}
