import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Children } from './children.ts';
import { installed } from './installed.ts';

/** What a measurement has for its time. */
export interface Workspace {
  readonly children: Children;
  readonly folder: string;
}

export interface WorkspaceOptions {
  /** Whether processes are held to the cores they are given, where the machine can do that; true unless told. */
  readonly pinning?: boolean;
}

/** Does `work` with processes and a folder of its own, which are gone when it ends, also by a signal. */
export async function inWorkspace(
  name: string,
  { pinning = true }: WorkspaceOptions,
  work: (workspace: Workspace) => Promise<void>,
): Promise<void> {
  const children = new Children({ pinning: pinning && (await installed('taskset')) !== null });
  const folder = await mkdtemp(join(tmpdir(), `cutover-${name}-`));
  await chmod(folder, 0o755); // servers that root starts read as somebody else
  const clean = async (): Promise<void> => {
    await children.stopAll();
    await rm(folder, { recursive: true, force: true });
  };
  const interrupt = (): void => void clean().finally(() => process.exit(130));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    await work({ children, folder });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    await clean();
  }
}
