import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';

/** Where servers are installed, but not on everybody's PATH. */
const MORE_FOLDERS = ['/usr/sbin', '/usr/local/sbin'];

/** The path of a program, or `null` where it is not installed. */
export async function installed(program: string): Promise<string | null> {
  const folders = [...(process.env['PATH'] ?? '').split(':'), ...MORE_FOLDERS];
  for (const folder of folders) {
    const path = join(folder, program);
    if (await isExecutable(path)) return path;
  }
  return null;
}

/** The first line that matches `pattern` of what the program says to `args`, on either stream. */
export function versionOf(path: string, args: readonly string[], pattern: RegExp): Promise<string> {
  return new Promise((resolve) => {
    execFile(path, [...args], (_error, stdout, stderr) => resolve(pattern.exec(stdout + stderr)?.[0] ?? 'unknown'));
  });
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
