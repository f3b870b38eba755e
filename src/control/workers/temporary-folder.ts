import { lstat, mkdir } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';

/** This program's folder among what may be lost at any time. Only this user can reach it; throws where that is not so. */
export async function privateTemporaryFolder(): Promise<string> {
  const folder = path.join(tmpdir(), `cutover-${userInfo().uid}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const found = await lstat(folder);
  if (!found.isDirectory() || found.uid !== userInfo().uid || (found.mode & 0o077) !== 0) {
    throw new Error(`${folder} must be a folder that only this user can reach (chmod 700)`);
  }
  return folder;
}

/**
 * Lets the processes that are started from here find compiled code of those before them: a worker that is missed is back
 * in a third of the time. An environment that has settings of its own for this is left as it is.
 */
export async function shareCompiledCode(environment: NodeJS.ProcessEnv): Promise<void> {
  if (environment['NODE_COMPILE_CACHE'] !== undefined || environment['NODE_DISABLE_COMPILE_CACHE'] !== undefined)
    return;
  try {
    environment['NODE_COMPILE_CACHE'] = path.join(await privateTemporaryFolder(), 'code');
  } catch {
    // Somebody else's folder: workers start slower, and that is all.
  }
}
