import { spawnSync } from 'node:child_process';

/** Whether a program is not there that a test meets as a peer. Throws where all of them must be. */
export function isMissing(command: string): boolean {
  const { error } = spawnSync(command, ['--version']);
  if (error !== undefined && process.env['CUTOVER_REQUIRE_PEERS'] === '1') throw error;
  return error !== undefined;
}
