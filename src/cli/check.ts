import { dirname } from 'node:path';

import { loadConfig } from '../control/config/load.ts';
import { readCertificates } from '../control/tls/certificate-files.ts';

export interface CheckOutput {
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
}

/** `cutover check`: says whether a configuration file can be served, and if not, all that stands against it. */
export async function checkCommand(path: string, output: CheckOutput): Promise<number> {
  const { config, problems } = await loadConfig(path);
  if (config === null) {
    for (const problem of problems) output.err(problemLine(path, problem));
    return 1;
  }
  const { warnings } = await readCertificates(config, dirname(path), Date.now());
  for (const { path: at, message } of warnings) output.err(`${path}: ${at}: warning: ${message}`);
  const services = Object.keys(config.services ?? {}).length;
  const listeners = Object.keys(config.listeners).length;
  output.out(`${path}: valid, ${counted(listeners, 'listener')}, ${counted(services, 'service')}`);
  return 0;
}

/** "FILE:LINE:COLUMN: /json/pointer: message", which editors and CI systems turn into a link. */
export function problemLine(
  file: string,
  problem: { readonly path: string; readonly line: number; readonly column: number; readonly message: string },
): string {
  return `${file}:${problem.line}:${problem.column}: ${problem.path === '' ? '' : `${problem.path}: `}${problem.message}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
