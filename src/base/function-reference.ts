/**
 * How a function of user code is named where functions cannot stand: in documents, snapshots and messages.
 *
 *     /etc/cutover/rules.ts?v=5c1a90d2f7e3#isTester        an export of a module
 *     /etc/cutover/cutover.config.ts?v=…#/services/shop/…  a function inside of a module's default export
 *
 * The version is a hash of the file's content: another content is another module, and another function.
 */
import { createHash } from 'node:crypto';

export interface FunctionReference {
  /** As it was written, or absolute once it was resolved; "inline" for functions that were handed over in memory. */
  readonly file: string;
  /** "" as long as it is not known. */
  readonly version: string;
  /** An export's name, or a JSON pointer into the default export. */
  readonly name: string;
}

/** Stands for the file of functions that were handed over in memory. */
export const INLINE = 'inline';

const REFERENCE = /^([^?#]+)(?:\?v=([0-9a-z]{1,32}))?#([\p{ID_Start}$_][\p{ID_Continue}$]*|\/.+)$/u;

/** `null`: the text is no reference. */
export function parseReference(text: string): FunctionReference | null {
  const found = REFERENCE.exec(text);
  return found === null ? null : { file: found[1] ?? '', version: found[2] ?? '', name: found[3] ?? '' };
}

export function formatReference({ file, version, name }: FunctionReference): string {
  return `${moduleId(file, version)}#${name}`;
}

/** Names one content of one file. */
export function moduleId(file: string, version: string): string {
  return version === '' ? file : `${file}?v=${version}`;
}

/** 48 bits: two contents that one file ever has are not alike by chance. */
const VERSION_CHARS = 12;

export function versionOf(source: string): string {
  return createHash('sha256').update(source).digest('hex').slice(0, VERSION_CHARS);
}
