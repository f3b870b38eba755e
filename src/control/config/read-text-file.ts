import { open } from 'node:fs/promises';

/** What a file holds, or why it cannot be used, in words that read on behind its name's field. `most`: the limit, in words. */
export async function readTextFile(
  file: string,
  bytesMax: number,
  most = `${bytesMax} bytes that it may have`,
): Promise<string | { readonly problem: string }> {
  try {
    await using handle = await open(file);
    const stats = await handle.stat();
    // Whoever opens a pipe waits until somebody writes to it.
    if (!stats.isFile()) return { problem: stats.isDirectory() ? REASONS['EISDIR'] : 'is no file' };
    if (stats.size > bytesMax) return { problem: `is longer than the ${most}` };
    return new TextDecoder('utf-8', { fatal: true }).decode(await handle.readFile());
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    const known = (REASONS as Readonly<Record<string, string>>)[code];
    return {
      problem: code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'is not text in UTF-8' : (known ?? 'cannot be read'),
    };
  }
}

const REASONS = {
  ENOENT: 'there is no such file',
  EACCES: 'may not be read by this user',
  EISDIR: 'is a folder',
} as const;
