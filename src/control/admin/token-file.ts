import { type FileHandle, open } from 'node:fs/promises';

import { Type } from 'typebox';

import { type TokenConfig, TokenSchema } from '../../schema/admin.ts';
import { problemFinder } from '../../schema/find-problems.ts';
import { readDocument } from '../config/document.ts';

/** A thousand tokens with all their scopes. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;

/** What others than the owner may do with the file: nothing. Who can write it can make tokens. */
const OTHERS_MODE = 0o077;

const TokenListSchema = Type.Array(TokenSchema, { maxItems: 1_000 });

const formProblems = problemFinder(TokenListSchema);

/** The tokens of the file that `admin.tokensFile` names; throws an `Error` with all that is wrong with it, each with its line. */
export async function readTokenFile(path: string): Promise<TokenConfig[]> {
  const document = readDocument(await readPrivately(path));
  if (!document.isReadable) throw new Error(document.problems.map((problem) => line(path, problem)).join('\n'));
  // An empty file is an empty list: nobody has a token.
  const value = document.value ?? [];
  const problems = [...document.problems, ...formProblems(value).map((problem) => document.locate(problem))];
  if (problems.length > 0) throw new Error(problems.map((problem) => line(path, problem)).join('\n'));
  return value as TokenConfig[];
}

async function readPrivately(path: string): Promise<string> {
  let file: FileHandle;
  try {
    file = await open(path);
  } catch (cause) {
    throw new Error(`admin.tokensFile: ${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
  await using opened = file;
  // Of the file that is open, not of its name: that could be another one by now.
  const { mode, uid, size } = await opened.stat();
  if ((mode & OTHERS_MODE) !== 0) {
    const seen = (mode & 0o777).toString(8).padStart(4, '0');
    throw new Error(`admin.tokensFile: ${path} has mode ${seen}, so that others can get at it; make it 0600`);
  }
  const me = process.getuid?.();
  if (me !== undefined && uid !== me && uid !== 0) {
    throw new Error(`admin.tokensFile: ${path} belongs to user ${uid}; it must be this one's (${me}) or root's`);
  }
  if (size > FILE_BYTES_MAX) throw new Error(`admin.tokensFile: ${path} is longer than ${FILE_BYTES_MAX} bytes`);
  return await opened.readFile('utf8');
}

function line(
  path: string,
  problem: { readonly path: string; readonly line: number; readonly column: number; readonly message: string },
): string {
  return `${path}:${problem.line}:${problem.column}: ${problem.path === '' ? '' : `${problem.path}: `}${problem.message}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
